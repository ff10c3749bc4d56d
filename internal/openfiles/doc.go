// Package openfiles fits the number of clients to the file descriptors that the operating system allows the process, in
// Redis's words.
//
// It imports nothing of Holdfast. Begin with openfiles.go; raise_unix.go and raise_other.go ask the operating system.
package openfiles
