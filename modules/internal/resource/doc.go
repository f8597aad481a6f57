// Package resource has the parts of modules: files with content, mode and owner,
// directories, and services with the files that they read. Each part has one way
// to compare and to change it.
package resource
