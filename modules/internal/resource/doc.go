// Package resource holds what modules are made of: files with their
// content, mode and owner, directories, and services with the files they
// read. Each part is compared and changed in the same way wherever it is
// used.
package resource
