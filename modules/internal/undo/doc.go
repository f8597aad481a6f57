// Package undo takes back single things that pmkctl made on a host, and puts
// back what stood there before. It knows of them only what a record says.
package undo
