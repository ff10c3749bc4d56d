//go:build !unix

package main

import "os"

// lockDir can't tell here whether another process uses the directory.
func lockDir(*os.Root) (release func() error, name string, err error) {
	return func() error { return nil }, "", nil
}
