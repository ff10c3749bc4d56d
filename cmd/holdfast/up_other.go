//go:build !linux

package main

import "syscall"

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// holder can't tell here who listens on a port.
func holder(int) string { return "" }
