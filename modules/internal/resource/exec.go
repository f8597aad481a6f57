package resource

import "strings"

// Exec returns an argument list as the value of ExecStart= and similar lines. It
// quotes what systemd would expand or split (systemd.service(5), COMMAND LINES).
// Arguments after the first have lines of their own, so that a diff shows the one
// that changes.
func Exec(argv ...string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = execArg(a)
	}
	return strings.Join(quoted, " \\\n  ")
}

var execEscapes = strings.NewReplacer(`%`, `%%`, `$`, `$$`, `\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`)

func execArg(a string) string {
	escaped := execEscapes.Replace(a)
	if a == "" || a == ";" || strings.ContainsAny(a, " \t\n\"'\\") {
		return `"` + escaped + `"`
	}
	return escaped
}
