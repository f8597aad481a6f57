package spec

import "testing"

func TestKnownAs(t *testing.T) {
	tests := []struct {
		login, user, at string
		port            int
		ok              bool
	}{
		{"root@192.0.2.11:22", "root", "192.0.2.11", 22, true},
		{"ops@host.example.com:2222", "ops", "host.example.com", 2222, true},
		{"root@2001:db8::1:22", "root", "2001:db8::1", 22, true},
		{"root@192.0.2.11", "", "", 0, false},
		{"192.0.2.11:22", "", "", 0, false},
		{"@192.0.2.11:22", "", "", 0, false},
		{"root@:22", "", "", 0, false},
		{"root@a:x", "", "", 0, false},
		{"", "", "", 0, false},
	}
	for _, tt := range tests {
		user, at, port, ok := KnownAs(tt.login)
		if ok != tt.ok || ok && (user != tt.user || at != tt.at || port != tt.port) {
			t.Errorf("%q: got %q %q %d %v", tt.login, user, at, port, ok)
		}
	}
}

// TestHostOf: a removed block overrides the inventory, and the ssh block at the
// top gives the rest.
func TestHostOf(t *testing.T) {
	files := good()
	files["more.hcl"] = `
ssh {
  user            = "ops"
  port            = 2200
  identity_file   = "key"
  become_password = "s3cret"
}
removed {
  host = "worker-2"
  ssh {
    port     = 2222
    host_key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
  }
}
`
	c := mustLoad(t, lay(t, files), Options{})
	known := Known{User: "root", At: "192.0.2.13", Port: 22, HostKey: "SHA256:known"}
	for name, want := range map[string]string{"worker-1": "root@192.0.2.13:22 SHA256:known", "worker-2": "root@192.0.2.13:2222 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"} {
		known.Name = name
		s := c.HostOf(known).SSH
		if got := s.String() + " " + s.HostKey; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if s.IdentityFile == "" || s.Become || s.BecomePassword.Reveal() != "s3cret" {
			t.Errorf("%s: the ssh block at the top is not taken: %+v", name, s)
		}
	}
}
