package document

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"
)

// Write writes the document as JSON, with a line for each element of its
// lists.
func (d *Preflight) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	v := reflect.ValueOf(*d)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fmt.Fprintf(b, "%s\n  %q: ", map[bool]string{true: "{", false: ","}[i == 0], name)
		if err := writeField(b, v.Field(i)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	b.WriteString("\n}\n") // the error stays until Flush
	return b.Flush()
}

func writeField(w *bufio.Writer, v reflect.Value) error {
	if e, ok := v.Interface().(preflightEdges); ok {
		return writeLines(w, e.All())
	}
	if v.Kind() == reflect.Slice {
		return writeLines(w, func(yield func(any) bool) {
			for i := range v.Len() {
				if !yield(v.Index(i).Interface()) {
					return
				}
			}
		})
	}
	return writeValue(w, "", v.Interface())
}

func writeLines[T any](w *bufio.Writer, list iter.Seq[T]) error {
	between := "[\n    "
	for e := range list {
		if err := writeValue(w, between, e); err != nil {
			return err
		}
		between = ",\n    "
	}
	end := "\n  ]"
	if between[0] == '[' {
		end = "[]"
	}
	_, err := w.WriteString(end)
	return err
}

func writeValue(w *bufio.Writer, before string, v any) error {
	var b bytes.Buffer
	b.WriteString(before)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // statements have arrows
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return err
}
