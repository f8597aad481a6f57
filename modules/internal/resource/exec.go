package resource

import "strings"

// Exec writes an argument list as the value of ExecStart= and the like; what
// systemd would expand or split is quoted (systemd.service(5), COMMAND
// LINES). Arguments after the first stand on lines of their own, so that a
// diff shows the one that changes.
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
