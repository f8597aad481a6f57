package agent

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadFrame(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		err            error // nil with an empty want is any error
	}{
		{name: "one", in: "Content-Length: 2\r\n\r\nhi", want: "hi"},
		{name: "other headers", in: "Content-Type: x\r\ncontent-length:2\n\nhi", want: "hi"},
		{name: "end", in: "", err: io.EOF},
		{name: "cut in header", in: "Content-Le", err: io.ErrUnexpectedEOF},
		{name: "cut in message", in: "Content-Length: 5\r\n\r\nhi", err: io.ErrUnexpectedEOF},
		{name: "no length", in: "X: 1\r\n\r\nhi"},
		{name: "negative", in: "Content-Length: -1\r\n\r\n"},
		{name: "huge", in: "Content-Length: 9223372036854775807\r\n\r\n"},
		{name: "no colon", in: "Content-Length\r\n\r\n"},
		{name: "endless header", in: strings.Repeat("a: b\r\n", 1000)},
		{name: "claims much", in: "Content-Length: 100000000\r\n\r\nhi", err: io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readFrame(bufio.NewReader(strings.NewReader(tt.in)))
			switch {
			case tt.want != "" && (err != nil || string(got) != tt.want):
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			case tt.want == "" && (err == nil || tt.err != nil && !errors.Is(err, tt.err)):
				t.Errorf("got %q, %v, want %v", got, err, tt.err)
			}
		})
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\nhi"))
	f.Add([]byte("Content-Length: 99999999999999999999\r\n\r\n"))
	f.Add([]byte("\x00:\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		msg, err := readFrame(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		again, err := readFrame(bufio.NewReader(bytes.NewReader(appendFrame(nil, msg))))
		if err != nil || !bytes.Equal(msg, again) {
			t.Errorf("%q came back as %q, %v", msg, again, err)
		}
	})
}
