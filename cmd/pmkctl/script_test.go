package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"github.com/pmkctl/pmkctl/host"
	"github.com/pmkctl/pmkctl/host/hosttest"
	"github.com/pmkctl/pmkctl/internal/golden"
	"github.com/pmkctl/pmkctl/sshhost/sshtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pmkctl":   func() { setClock(); main() },
		"pmkctl-9": func() { setClock(); version = "9.0.0"; main() },
	})
}

// setClock stops the clock of the command, on a Monday or at the time in
// TEST_NOW, which only this binary reads. So no test depends on the current
// day.
func setClock() {
	at, err := time.Parse(time.RFC3339, cmp.Or(os.Getenv("TEST_NOW"), "2026-11-23T12:00:00Z"))
	if err != nil {
		panic(err)
	}
	now = func() time.Time { return at }
}

// TestScript runs testdata/script. A script begins in a folder with a spec of
// all hosts that fakehost starts; a cluster.hcl of its own replaces it. A
// script sets TEST_NOW, as in 2026-11-27T22:30:00Z, if the time matters.
// Besides the commands of testscript there are:
//
//	fakehost [-user=U] [-sudo=nopasswd|password|refused] [-password=P] NAME [FOLDER]
//	                          start a host; FOLDER holds its files, and may
//	                          hold host and units as hosttest.WithArchive reads
//	exits CODE COMMAND...     run and compare the exit code
//	console HOST LINE         apply a line of the form of the files host or units
//	write HOST PATH TEXT      write a file as root at the console (@FILE: content of FILE);
//	                          append adds a line
//	hostfile HOST PATH        print a file; with ! there must be none
//	hostlog [HOST]            print the changes made; with ! there must be none
//	forget                    forget the changes made so far
//	snapshot FILE             write the state of all hosts
//	stamps FILE               write when each file was written and each unit started
//	cut HOST N                the connection dies in the N-th change from now
//	reconnect HOST            restore the connection
//	fault HOST WHAT           newkey, down (its sshd), off (all of it), noauth; none ends noauth
//	pod HOST NAMESPACE/NAME NODE KIND
//	                          a pod of a KIND (ReplicaSet, DaemonSet), or without one (-)
//	budget HOST NAMESPACE/NAME N
//	                          N of the pods of that name may be evicted
//	mend HOST UNIT            undo console HOST 'fail UNIT'
//	reboot HOST               its services start again
//	reimage HOST              give it another machine-id
//	drop FROM TO PROTO PORT   drop packets between two hosts
//	lock HOST                 lock the host for another run; unlock HOST ends it
//	sshlog HOST               print what the SSH server was sent
//	kube HOST PATH            print an object of the API
//	noleak FILE...            fail if a private key of a host is in a file, or was sent
//	keystays FILE             fail if an agent received the key in this kubeconfig
//	onterminal COMMAND...     run with a terminal for standard output and error
//	schema NAME FILE          check FILE, or each line of events, against docs/schema/NAME
//	plain STREAM FILE         replace what differs from run to run by fixed words
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script", Setup: setUp, UpdateScripts: golden.Updating(), RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fakehost": fakeHostCommand, "exits": exitsCommand, "console": consoleCommand, "write": writeCommand, "append": appendCommand,
			"hostfile": hostFileCommand, "hostlog": hostLogCommand, "forget": forgetCommand, "snapshot": snapshotCommand,
			"stamps": stampsCommand, "cut": cutCommand, "reconnect": reconnectCommand, "fault": faultCommand, "mend": mendCommand,
			"pod": podCommand, "budget": budgetCommand, "drop": dropCommand, "lock": lockCommand, "unlock": unlockCommand, "sshlog": sshLogCommand, "kube": kubeCommand,
			"noleak": noLeakCommand, "keystays": keyStaysCommand, "plain": plainCommand, "schema": schemaCommand, "reboot": rebootCommand, "reimage": reimageCommand, "onterminal": onTerminalCommand,
		},
	})
}

type worldKey struct{}

func setUp(env *testscript.Env) error {
	w, err := newWorld(env.WorkDir)
	if err != nil {
		return err
	}
	env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
	env.Setenv("TEST_NOW", os.Getenv("TEST_NOW"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	env.Values[worldKey{}] = w
	env.Defer(w.close)
	return nil
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// hostOf returns the host that the first argument names.
func hostOf(ts *testscript.TestScript, neg bool, args []string, least int) *fakeHost {
	if neg || len(args) < least {
		ts.Fatalf("wrong use; see TestScript")
	}
	h, err := worldOf(ts).find(args[0])
	ts.Check(err)
	return h
}

func fakeHostCommand(ts *testscript.TestScript, _ bool, args []string) {
	var l login
	f := flag.NewFlagSet("fakehost", flag.ContinueOnError)
	f.StringVar(&l.user, "user", "root", "")
	f.StringVar(&l.sudo, "sudo", "", "")
	f.StringVar(&l.password, "password", "", "")
	ts.Check(f.Parse(args))
	var archive *txtar.Archive
	if f.NArg() > 1 {
		var err error
		archive, err = readFolder(ts.MkAbs(f.Arg(1)))
		ts.Check(err)
	}
	_, err := worldOf(ts).start(f.Arg(0), l, archive)
	ts.Check(err)
}

// readFolder reads a host from a folder with its files, and the files host and
// units.
func readFolder(dir string) (*txtar.Archive, error) {
	a := &txtar.Archive{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		if name != "host" && name != "units" {
			name = "/" + filepath.ToSlash(name)
		}
		data, err := os.ReadFile(p)
		a.Files = append(a.Files, txtar.File{Name: name, Data: data})
		return err
	})
	// Units come after the files that define them.
	slices.SortStableFunc(a.Files, func(x, y txtar.File) int {
		return strings.Compare(map[bool]string{true: "1"}[x.Name == "units"], map[bool]string{true: "1"}[y.Name == "units"])
	})
	return a, err
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if neg || got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func consoleCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 2)
	a := &txtar.Archive{Files: []txtar.File{{Name: "host", Data: []byte(strings.Join(args[1:], " "))}}}
	hosttest.WithArchive(a)(h.Admin())
}

func writeCommand(ts *testscript.TestScript, neg bool, args []string) {
	text := args[2] + "\n"
	if name, ok := strings.CutPrefix(args[2], "@"); ok {
		text = ts.ReadFile(name)
	}
	hostOf(ts, neg, args, 3).consoleWrite(args[1], text, 0o644)
}

func appendCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 3)
	ts.Check(h.Admin().Append(ctx(), args[1], []byte(args[2]+"\n")))
}

func hostFileCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, false, args, 2)
	content := h.Peek(args[1])
	if neg != (content == nil) {
		ts.Fatalf("%s on %s: there %v, want %v", args[1], args[0], content != nil, !neg)
	}
	_, _ = ts.Stdout().Write(content)
}

func hostLogCommand(ts *testscript.TestScript, neg bool, args []string) {
	log := worldOf(ts).changes(strings.Join(args, ""))
	if neg && log != "" {
		ts.Fatalf("the hosts were changed:\n%s", log)
	}
	_, _ = ts.Stdout().Write([]byte(log))
}

func forgetCommand(ts *testscript.TestScript, _ bool, _ []string) {
	for _, h := range worldOf(ts).hosts {
		h.ClearLog()
	}
}

func snapshotCommand(ts *testscript.TestScript, _ bool, args []string) {
	var b strings.Builder
	for _, h := range worldOf(ts).hosts {
		b.WriteString("== " + h.Name() + "\n" + h.Snapshot())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

func stampsCommand(ts *testscript.TestScript, _ bool, args []string) {
	var lines []string
	for _, h := range worldOf(ts).hosts {
		for item, at := range h.Stamps() {
			if !strings.HasPrefix(item, "/var/lib/pmkctl") {
				lines = append(lines, h.Name()+" "+item+" "+at.Format("15:04:05")+"\n")
			}
		}
	}
	slices.Sort(lines)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(lines, "")), 0o644))
}

func cutCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 2)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	h.CutDuring(n)
}

func reconnectCommand(ts *testscript.TestScript, neg bool, args []string) {
	hostOf(ts, neg, args, 1).Reconnect()
}

func faultCommand(ts *testscript.TestScript, neg bool, args []string) {
	h := hostOf(ts, neg, args, 2)
	switch args[1] {
	case "newkey":
		key, err := sshtest.NewKey()
		ts.Check(err)
		h.server.SetKeys(key)
	case "down":
		ts.Check(h.server.Close())
	case "off":
		h.PowerOff()
		ts.Check(h.server.Close())
	case "none":
		h.server.SetFault(sshtest.Fault{})
	case "noauth":
		h.server.SetFault(sshtest.Fault{RefuseAuth: true})
	default:
		ts.Fatalf("unknown fault %s", args[1])
	}
}

func mendCommand(ts *testscript.TestScript, neg bool, args []string) {
	hostOf(ts, neg, args, 2).MendStart(args[1])
}

func rebootCommand(ts *testscript.TestScript, neg bool, args []string) {
	hostOf(ts, neg, args, 1).Reboot()
}

func reimageCommand(ts *testscript.TestScript, neg bool, args []string) {
	other := func(f *host.Facts) { f.MachineID = strings.Repeat("e", 32) }
	hosttest.WithFacts(other)(hostOf(ts, neg, args, 1).Admin())
}

func dropCommand(ts *testscript.TestScript, neg bool, args []string) {
	port, err := strconv.Atoi(args[3])
	ts.Check(err)
	hostOf(ts, neg, args, 4).Cluster().Net.Add(hosttest.Rule{From: args[0], To: args[1], Proto: args[2], Port: port, Do: hosttest.Drop})
}

func lockCommand(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(hostOf(ts, neg, args, 1).lock())
}

func unlockCommand(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(hostOf(ts, neg, args, 1).locked.Close())
}

func sshLogCommand(ts *testscript.TestScript, neg bool, args []string) {
	r := hostOf(ts, neg, args, 1).server.Record()
	text := "logged in: " + strconv.Itoa(r.LoggedIn) + "\nkeys offered: " + strconv.Itoa(len(r.Offered)) + "\n"
	for _, c := range r.Commands {
		text += "command: " + c + "\n"
	}
	for _, p := range r.Passwords {
		text += "password: " + p + "\n"
	}
	_, _ = ts.Stdout().Write([]byte(text))
}

func kubeCommand(ts *testscript.TestScript, neg bool, args []string) {
	r, err := hostOf(ts, neg, args, 2).Admin().Kube(ctx(), host.KubeRequest{Method: "GET", Path: args[1]})
	ts.Check(err)
	_, _ = ts.Stdout().Write(append(r.Body, '\n'))
}

func noLeakCommand(ts *testscript.TestScript, _ bool, args []string) {
	var text []byte
	for _, name := range args {
		text = append(text, ts.ReadFile(name)...)
	}
	w := worldOf(ts)
	keys := 0
	for _, h := range w.hosts {
		keys += len(h.secrets())
	}
	if found := w.leaks(text); len(found) > 0 || keys == 0 {
		ts.Fatalf("of %d private keys:\n%s", keys, strings.Join(found, "\n"))
	}
}

func keyStaysCommand(ts *testscript.TestScript, _ bool, args []string) {
	_, data, ok := strings.Cut(ts.ReadFile(args[0]), "client-key-data: ")
	data, _, _ = strings.Cut(data, "\n")
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if !ok || err != nil || len(keyForms(key)) == 0 {
		ts.Fatalf("%s holds no key: %v", args[0], err)
	}
	for _, h := range worldOf(ts).hosts {
		for _, form := range keyForms(key) {
			if h.received.holds(form) || h.sent.holds(form) {
				ts.Fatalf("the agent of %s saw the key", h.Name())
			}
		}
	}
}

// keyForms returns the forms in which a private key may be sent: PEM, its
// lines, DER, and each of them in base64 as well.
func keyForms(content []byte) [][]byte {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil
	}
	forms := [][]byte{block.Bytes}
	for _, line := range bytes.Split(content, []byte("\n")) {
		if len(line) > 40 && !bytes.HasPrefix(line, []byte("-----")) {
			forms = append(forms, line)
		}
	}
	// The middle of the key in base64, at each of the three alignments.
	for _, raw := range [][]byte{content, block.Bytes} {
		for skip := range 3 {
			text := base64.StdEncoding.EncodeToString(raw[skip:])
			forms = append(forms, []byte(text[40:100]))
		}
	}
	return forms
}

// moving is the text that differs from run to run, and its replacement.
var moving = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\d+(\.\d+)?[mµn]?s\b`), "TIME"},
	{regexp.MustCompile(`\b\d+\.\d+ s\b`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d{4,5}`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`\brun [0-9a-f]{8}\b`), "run ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "NOW"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "MOMENT"},
	{regexp.MustCompile(`SHA256:[A-Za-z0-9+/]{43}`), "SHA256:KEY"},
	{regexp.MustCompile(`(X-Pmkctl-Inputs|PMKCTL_INPUTS)=[0-9a-f]+`), "$1=HASH"},
}

func schemaCommand(ts *testscript.TestScript, _ bool, args []string) {
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/" + args[0])
	ts.Check(err)
	docs := []string{ts.ReadFile(args[1])}
	if args[0] == "events.json" {
		docs = strings.Split(strings.TrimSuffix(docs[0], "\n"), "\n")
	}
	for _, text := range docs {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = schema.Validate(doc)
		}
		if err != nil {
			ts.Fatalf("%v in\n%s", err, text)
		}
	}
}

func plainCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, m := range moving {
		text = m.re.ReplaceAllString(text, m.to)
	}
	text = strings.ReplaceAll(text, worldOf(ts).dir, "$WORK")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
