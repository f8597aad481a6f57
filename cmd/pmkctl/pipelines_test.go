package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The pipelines that docs/pipelines.md shows.
const (
	github = "../../examples/ci/.github/workflows/cluster.yml"
	gitlab = "../../examples/ci/.gitlab-ci.yml"
)

// readPipeline returns a pipeline's file as maps and lists.
func readPipeline(t *testing.T, file string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.UnmarshalStrict(b, &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc
}

// texts returns all strings in a document.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	}
	return out
}

// called matches the command lines of pmkctl in a text, without the rest of the
// shell line.
var called = regexp.MustCompile(`(?m)(?:^|[ ;&|($])(?:bin/)?pmkctl ((?:[a-z][a-z0-9-]*|--?[a-z])[^|;&>#()` + "`" + `\n]*)`)

// checkCommand parses a command line as the command does.
func checkCommand(t *testing.T, line string) {
	t.Helper()
	var args []string
	for _, a := range strings.Fields(line) {
		args = append(args, strings.NewReplacer(`"`, "", `'`, "", "[", "", "]", "").Replace(a))
	}
	a := newApp(nil, streams{strings.NewReader(""), io.Discard, io.Discard})
	cmd, rest, err := a.command().Find(longFlags(args))
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil || !cmd.HasParent() {
		t.Errorf("pmkctl %s: %v", line, err)
	}
}

func TestPipelinesCallCommandsThatThereAre(t *testing.T) {
	for file, want := range map[string][]string{github: {"plan", "show", "apply"}, gitlab: {"plan", "show", "apply"}} {
		found := map[string]bool{}
		for _, text := range texts(readPipeline(t, file)) {
			for _, m := range called.FindAllStringSubmatch(text, -1) {
				checkCommand(t, m[1])
				found[strings.Fields(m[1])[0]] = true
			}
		}
		for _, w := range want {
			if !found[w] {
				t.Errorf("%s does not call pmkctl %s; it calls %v", file, w, found)
			}
		}
	}
}

// TestPipelinesDocs checks the commands in the document.
func TestPipelinesDocs(t *testing.T) {
	for _, name := range []string{"pipelines.md", "events.md"} {
		b, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(b)) {
			if m := called.FindStringSubmatch(line); m != nil && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "pmkctl ")) {
				checkCommand(t, strings.TrimSpace(strings.Split(m[1], "   ")[0]))
				n++
			}
		}
		if n < 3 {
			t.Errorf("%s: only %d commands", name, n)
		}
	}
}

// A pipelineRun runs jobs of a pipeline in a real shell. Each has a folder of
// its own; the hosts are in memory, and other tools are replaced.
type pipelineRun struct {
	t    *testing.T
	w    *world
	env  []string
	path string
}

func newPipelineRun(t *testing.T) *pipelineRun {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	r := &pipelineRun{t: t, w: testWorld(t, "cp-1", "worker-1")}
	tools := t.TempDir()
	for _, name := range []string{"curl", "gh"} { // record their arguments and what they send
		script := "#!/bin/sh\necho " + name + " \"$@\" >>" + tools + "/calls\nfor a; do case $a in body@*) cp \"${a#body@}\" " + tools + "/body;; esac; [ \"$last\" = --body-file ] && cp \"$a\" " + tools + "/body; last=$a; done\nexit 0\n"
		if err := os.WriteFile(filepath.Join(tools, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.path = tools
	r.env = []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + r.w.path("home"), "PMK_IN_AUTOMATION=1"}
	return r
}

// sh runs lines in dir as a CI runner does, and returns the exit code and the
// output.
func (r *pipelineRun) sh(dir, lines string, env ...string) (code int, output string) {
	r.t.Helper()
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", lines)
	cmd.Dir, cmd.Env = dir, append(slices.Clone(r.env), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (r *pipelineRun) want(code int, dir, lines string, env ...string) string {
	r.t.Helper()
	got, out := r.sh(dir, lines, env...)
	if got != code {
		r.t.Fatalf("exit code %d, want %d:\n%s", got, code, out)
	}
	return out
}

func (r *pipelineRun) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// TestGitLabPipeline runs the scripts of both jobs: the plan is in the
// comment, and the same file is applied without the spec.
func TestGitLabPipeline(t *testing.T) {
	r := newPipelineRun(t)
	doc := readPipeline(t, gitlab)
	script := func(job string) string {
		return strings.Join(texts(doc[job].(map[string]any)["script"]), "\n")
	}
	ci := []string{"NOTES_TOKEN=t", "CI_API_V4_URL=https://gitlab.example.com/api/v4", "CI_PROJECT_ID=1", "CI_MERGE_REQUEST_IID=7"}
	r.want(0, r.w.dir, script("plan"), ci...)
	if calls := r.read(filepath.Join(r.path, "calls")); !strings.Contains(calls, "https://gitlab.example.com/api/v4/projects/1/merge_requests/7/notes") {
		t.Errorf("calls: %s", calls)
	}
	if note := r.read(filepath.Join(r.path, "body")); !strings.Contains(note, "kubelet") || !strings.Contains(note, "to add") {
		t.Errorf("the comment is:\n%s", note)
	}
	if log := r.w.changes(""); log != "" {
		t.Errorf("the plan changed:\n%s", log)
	}
	elsewhere := t.TempDir()
	for _, artefact := range []string{"cluster.plan", "plan.html", "events.jsonl"} {
		if err := os.Rename(r.w.path(artefact), filepath.Join(elsewhere, artefact)); err != nil {
			t.Fatal(err)
		}
	}
	dotenv := strings.Fields(r.read(r.w.path("plan.env")))
	if err := os.Remove(r.w.path("cluster.hcl")); err != nil {
		t.Fatal(err)
	}
	r.want(exitRefused, elsewhere, script("apply"), "PLAN_CODE=2", "PLAN_SHA256="+strings.Repeat("0", 64))
	r.want(0, elsewhere, script("apply"), dotenv...)
	if events := r.read(filepath.Join(elsewhere, "events.jsonl")); !strings.HasSuffix(events, `"exit_code":0,"message":""}`+"\n") {
		t.Errorf("events end with:\n%s", tail(events))
	}
	// A plan that was applied is refused; a plan without changes applies nothing.
	r.want(exitRefused, elsewhere, script("apply"), dotenv...)
	if out := r.want(0, elsewhere, script("apply"), "PLAN_CODE=0"); out != "The plan has nothing to change.\n" {
		t.Errorf("got %s", out)
	}
}

// TestGitHubPipeline does the same with the GitHub pipeline.
func TestGitHubPipeline(t *testing.T) {
	r := newPipelineRun(t)
	doc := readPipeline(t, github)
	step := func(job, name string) string {
		for _, s := range doc["jobs"].(map[string]any)[job].(map[string]any)["steps"].([]any) {
			if s := s.(map[string]any); s["name"] == name {
				return s["run"].(string)
			}
		}
		t.Fatalf("the job %s has no step %q", job, name)
		return ""
	}
	ci := []string{"GITHUB_OUTPUT=" + r.w.path("outputs"), "GITHUB_REPOSITORY=example/cluster", "PR=7"}
	r.want(0, r.w.dir, step("plan", "Plan"), ci...)
	r.want(0, r.w.dir, step("plan", "Comment"), ci...)
	if note := r.read(filepath.Join(r.path, "body")); !strings.Contains(note, "kubelet") {
		t.Errorf("the comment is:\n%s", note)
	}
	outputs := r.read(r.w.path("outputs"))
	sha, ok := strings.CutPrefix(strings.Join(strings.Fields(outputs), " "), "changes=true sha256=")
	if !ok || len(sha) != 64 {
		t.Fatalf("outputs: %s", outputs)
	}
	r.want(0, r.w.dir, step("apply", "Apply"), "SHA256="+sha)
	// There are no more changes; and a wrong spec is annotated.
	r.want(0, r.w.dir, "rm outputs\n"+step("plan", "Plan"), ci...)
	if outputs := r.read(r.w.path("outputs")); !strings.HasPrefix(outputs, "changes=false\n") {
		t.Errorf("outputs: %s", outputs)
	}
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("no jq")
	}
	out := r.want(exitSpec, r.w.dir, "echo 'cluster {}' >>cluster.hcl\n"+step("plan", "Plan"), ci...)
	if !strings.Contains(out, "\n::error file=cluster.hcl,line=") {
		t.Errorf("got:\n%s", out)
	}
}

// TestPipelinesTrustNoInput: text from merge requests is never run as shell
// code.
func TestPipelinesTrustNoInput(t *testing.T) {
	for _, text := range texts(readPipeline(t, github)["jobs"]) {
		if strings.Contains(text, "\n") && strings.Contains(text, "${{") {
			t.Errorf("an expression in a script:\n%s", text)
		}
	}
}
