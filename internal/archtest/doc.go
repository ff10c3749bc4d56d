// Package archtest checks which room of Holdfast imports which. It has no code of its own: the house stays in order
// because its test says so.
//
// Imports point downwards: the programs know the node and the sentinel, these know what they are built of, and nothing
// knows what stands above it. Node and sentinel never import each other; they meet over the wire. Third-party modules
// are let in by name, each by the files that need it.
//
// Begin with the table rooms in imports_test.go: a new package gets its line there, and may import what that line says.
// upward_test.go counts calls that run upward, limits_test.go says how large files and packages may be, doc_test.go
// wants a doc.go of every package.
package archtest
