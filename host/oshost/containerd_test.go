package oshost

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmkctl/pmkctl/host"
)

// field returns a protobuf field whose value is bytes.
func field(n byte, value string) string {
	return string(binary.AppendUvarint([]byte{n<<3 | 2}, uint64(len(value)))) + value
}

func TestImages(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	if _, err := images(t.Context(), containerdAt(socket)); !errors.Is(err, host.ErrUnavailable) {
		t.Errorf("without containerd: %v", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var answer, status string
	srv := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if string(b) != "\x00\x00\x00\x00\x00" || r.Header.Get("Containerd-Namespace") != "k8s.io" || r.ProtoMajor != 2 {
			t.Errorf("asked %q, %v, %s", b, r.Header, r.Proto)
		}
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		io.WriteString(w, answer)
		w.Header().Set("Grpc-Status", status)
		w.Header().Set("Grpc-Message", "why")
	})}
	srv.Protocols.SetUnencryptedHTTP2(true)
	go srv.Serve(l)
	defer srv.Close()
	frame := func(msg string) string {
		return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg)))) + msg
	}
	long := strings.Repeat("x", 300)
	image := func(name string) string {
		return field(1, field(2, "label")+field(1, name)+"\x18\x05"+"\x25abcd"+"\x29abcdefgh")
	}
	for _, tt := range []struct {
		name, answer, status string
		want                 []string
		err                  string
	}{
		{"two", frame(image("pause:3") + image(long)), "0", []string{"pause:3", long}, ""},
		{"none", frame(""), "0", nil, ""},
		{"starting", "", "14", nil, "unavailable: why"},
		{"refused", "", "7", nil, "why"},
		{"cut", frame(image("pause:3"))[:10], "0", nil, "no single message"},
		{"damaged", frame("\x0a\x7fx"), "0", nil, "damaged"},
		{"group", frame("\x0b"), "0", nil, "damaged"},
	} {
		answer, status = tt.answer, tt.status
		got, err := images(t.Context(), containerdAt(socket))
		switch {
		case tt.err == "" && (err != nil || !slices.Equal(got, tt.want)):
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: got %v, %v, want %q", tt.name, got, err, tt.err)
		case tt.status == "14" && !errors.Is(err, host.ErrUnavailable):
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func FuzzImageNames(f *testing.F) {
	f.Add([]byte(field(1, field(1, "pause:3"))))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = imageNames(b)
	})
}
