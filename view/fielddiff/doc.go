// Package fielddiff compares two contents of a YAML, JSON or TOML file, or of
// a systemd unit, field by field. It answers only where the fields tell all
// that people need to know; where they do not, lines have to be compared.
package fielddiff
