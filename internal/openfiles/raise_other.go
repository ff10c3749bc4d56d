//go:build !unix

package openfiles

// Raise is the Limit of this process: there is none here.
func Raise(want uint64) (before, after uint64, err error) { return want, want, nil }
