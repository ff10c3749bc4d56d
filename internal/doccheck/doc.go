// Package doccheck holds README.md, docs/ and the comments of Go files beside the tree: what they name must exist.
//
// Files and folders, links and the headings they lead to, tests, functions that are named with their file, make's
// targets, flags and environment variables are looked up; lines of prose have at most 120 columns. Long ones are
// wrapped by
//
//	go test ./internal/doccheck -wrap
//
// It has no code of its own, and imports nothing of Holdfast. Begin with names_test.go, the tests; tree_test.go knows
// what the tree has, markdown_test.go the form of the documents, wrap_test.go wraps.
package doccheck
