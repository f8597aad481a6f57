// Package undo removes single items that pmkctl made on a host, and puts back what
// was there before. All that it knows of them comes from the record.
package undo
