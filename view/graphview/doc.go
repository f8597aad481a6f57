// Package graphview draws the graph of a plan: as a picture (SVG) with a
// layout of its own, for Graphviz (dot), for Mermaid, and as a document for
// programs (JSON). It owns nothing of what the steps are.
//
// Time runs from left to right. Every module has a column and every host a
// lane, so that what is alike stands below each other. The same graph gives
// the same bytes.
package graphview
