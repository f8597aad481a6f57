package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/pmkctl/pmkctl/view/wording"
)

//go:embed *.html *.css *.js
var pageFiles embed.FS

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"hosts":    wording.Hosts,
	"millis":   millis,
	"plural":   wording.Count,
	"sentence": sentence,
	"micros":   micros,
	"see":      wording.Visible,
	"bytes":    wording.Bytes,
	"when":     wording.When,
	"iso":      iso,
	"action":   actionClass,
	"signOf":   signOf,
	"judged":   judged,
	"oneLine":  oneLine,
	"destroys": func() string { return destroyWords },
}).ParseFS(pageFiles, "*.html"))

// A shell is what every page has around its content. A page needs no other
// file: its policy forbids the browser to fetch anything, and to use any style
// or script except these two.
type shell struct {
	Policy string
	Style  template.CSS
	Script template.JS
}

// newShell joins our own files and computed styles.
func newShell(styles, scripts []string, rules string) (shell, error) {
	style, err := joined(styles)
	if err != nil {
		return shell{}, err
	}
	script, err := joined(scripts)
	if err != nil {
		return shell{}, err
	}
	style += rules
	return shell{
		Policy: "default-src 'none'; style-src " + sourceHash(style) + "; script-src " + sourceHash(script) + "; base-uri 'none'; form-action 'none'",
		Style:  template.CSS(style), Script: template.JS(script), //nolint:gosec // our own files
	}, nil
}

func joined(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := pageFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// writePage fills a template; nothing is written if that fails.
func writePage(w io.Writer, name string, data any) error {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
