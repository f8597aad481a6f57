package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A need is something that the machine must have, and the Debian packages that
// install it.
type need struct {
	what     string
	have     func(context.Context) bool
	packages []string
}

// needs returns everything that making and testing pmkctl needs, besides Go,
// git and make.
func needs() []need {
	return []need{
		{"a Docker engine", haveEngine, []string{"docker.io"}},
		{"the Docker client", program("docker"), []string{"docker.io"}},
		{"mmdebstrap", program("mmdebstrap"), []string{"mmdebstrap"}},
		{"a C compiler", program("gcc"), []string{"gcc", "libc6-dev"}},
		{"pkg-config", program("pkg-config"), []string{"pkg-config"}},
		{"libseccomp", haveSeccomp, []string{"libseccomp-dev"}},
		{"the OpenSSH client", program("ssh"), []string{"openssh-client"}},
		{"an OpenSSH server", program("sshd"), []string{"openssh-server"}},
		{"ip", program("ip"), []string{"iproute2"}},
		{"iptables", program("iptables"), []string{"iptables"}},
		{"nftables", program("nft"), []string{"nftables"}},
		{"stress-ng", program("stress-ng"), []string{"stress-ng"}},
		{"Chromium", program("chromium"), []string{"chromium"}},
	}
}

func program(name string) func(context.Context) bool {
	return func(context.Context) bool {
		_, err := exec.LookPath(name)
		return err == nil
	}
}

func haveEngine(ctx context.Context) bool {
	return program("dockerd")(ctx) || engineAnswers(ctx)
}

func haveSeccomp(ctx context.Context) bool {
	_, err := command(ctx, nil, "pkg-config", "--exists", "libseccomp")
	return err == nil
}

// Setup installs with apt-get what the machine lacks, and reports it to out.
// Present programs are not changed.
func Setup(ctx context.Context, out io.Writer) error {
	var missing, packages []string
	for _, n := range needs() {
		if !n.have(ctx) {
			missing = append(missing, n.what)
			packages = append(packages, n.packages...)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("set up the machine: install %s first: this is not Debian, so it is not done for you", strings.Join(missing, ", "))
	}
	fmt.Fprintf(out, "setup: installing %s\n", strings.Join(packages, " "))
	return errors.Join(
		aptGet(ctx, out, "update", "-q"),
		aptGet(ctx, out, append([]string{"install", "-q", "-y", "--no-install-recommends"}, packages...)...),
	)
}

func aptGet(ctx context.Context, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", args[0], err)
	}
	return nil
}
