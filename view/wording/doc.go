// Package wording has the words in which the terminal, the pages and the
// documents speak of a plan: the headline and the lines of a change, the
// steps that are shown as one, the steps that are excluded, numbers and
// times. It knows no medium: a Text says which words want emphasis, and the
// package that shows it decides how that looks.
package wording
