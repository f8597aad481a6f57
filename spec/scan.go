package spec

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits of a file. hcl recurses over brackets and operators until the stack
// overflows, and takes forever for the digits of 1e100000000.
const (
	maxFileBytes  = 1 << 20
	maxDepth      = 100  // nested brackets, quotes and templates
	maxChain      = 500  // operators, dots and brackets in a row
	maxLines      = 5000 // of heredocs; the time to parse them grows with the square
	maxDirectives = 1000 // %{ if } and %{ for } of a file
	maxDigits     = 100  // of a number
	maxExponent   = 3    // digits of an exponent
)

// scan searches the tokens of a file for input that hcl cannot handle.
func scan(name string, src []byte) *hcl.Diagnostic {
	if len(src) > maxFileBytes {
		return tooLarge(name)
	}
	if !utf8.Valid(src) {
		return &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Not UTF-8", Detail: "This file is not UTF-8 text. Save it as such.",
			Subject: &hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos},
		}
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	s := scanner{chains: make([]int, 1, maxDepth+2)}
	for _, t := range tokens {
		if detail := s.next(t); detail != "" {
			return &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Spec too complex", Detail: detail, Subject: t.Range.Ptr(),
			}
		}
	}
	return nil
}

func tooLarge(name string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "File too large",
		Detail:   fmt.Sprintf("A file of a spec may hold 1 MiB; %s is larger. Split it, or move data into files read with file().", name),
		Subject:  &hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos},
	}
}

// A scanner counts open brackets and chained operators.
type scanner struct {
	open       []hclsyntax.TokenType // the closing token of each level
	chains     []int                 // operators so far, of each level
	directives int
	lines      int // of heredocs
}

var closers = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenOBrace: hclsyntax.TokenCBrace, hclsyntax.TokenOBrack: hclsyntax.TokenCBrack,
	hclsyntax.TokenOParen: hclsyntax.TokenCParen, hclsyntax.TokenOQuote: hclsyntax.TokenCQuote,
	hclsyntax.TokenOHeredoc: hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateInterp: hclsyntax.TokenTemplateSeqEnd,
	hclsyntax.TokenTemplateControl: hclsyntax.TokenTemplateSeqEnd,
}

// next returns what is wrong with a token, or "".
func (s *scanner) next(t hclsyntax.Token) string {
	switch {
	case len(s.open) > 0 && t.Type == s.open[len(s.open)-1]:
		s.open, s.chains = s.open[:len(s.open)-1], s.chains[:len(s.chains)-1]
		return ""
	case t.Type == hclsyntax.TokenNumberLit:
		return badNumber(string(t.Bytes))
	case t.Type == hclsyntax.TokenComma, t.Type == hclsyntax.TokenNewline && !s.joinsLines():
		s.chains[len(s.chains)-1] = 0
		return ""
	case t.Type == hclsyntax.TokenTemplateControl:
		s.directives++
	}
	return s.count(t)
}

// joinsLines reports whether a newline does not end an expression here.
func (s *scanner) joinsLines() bool {
	return len(s.open) > 0 && s.open[len(s.open)-1] != hclsyntax.TokenCBrace
}

func (s *scanner) count(t hclsyntax.Token) string {
	chain := &s.chains[len(s.chains)-1]
	if chained(t.Type) {
		*chain++
	}
	if t.Type == hclsyntax.TokenStringLit {
		s.lines++
	}
	if *chain > maxChain {
		return fmt.Sprintf("An expression may chain %d operators. Give parts of it a name under locals.", maxChain)
	}
	if c, ok := closers[t.Type]; ok {
		s.open, s.chains = append(s.open, c), append(s.chains, 0)
	}
	switch {
	case len(s.open) > maxDepth:
		return fmt.Sprintf("Brackets and templates may stand in each other %d deep. Give parts of the expression a name under locals.", maxDepth)
	case s.lines > maxLines:
		return fmt.Sprintf("The heredocs (<<EOT) of a file may hold %d lines. Move the text into a file and read it with file().", maxLines)
	case s.directives > maxDirectives:
		return fmt.Sprintf("A file may hold %d template directives. Split it.", maxDirectives)
	}
	return ""
}

// chained reports whether a token makes the syntax tree deeper although no
// bracket stays open.
func chained(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenDot, hclsyntax.TokenQuestion, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
		return true
	}
	return false
}

func badNumber(n string) string {
	_, exp, _ := strings.Cut(strings.ToLower(n), "e")
	if len(n) > maxDigits || len(strings.Trim(exp, "+-")) > maxExponent {
		return "This number has more digits than a spec can use. Write a smaller one, or a string."
	}
	return ""
}
