package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes has the kernel end a child at once when its parent was killed: nobody is left to hand over to, and
// what a child has acknowledged is in its log.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// holder says which process listens on a port, as far as this user may know; "" when that can't be found out.
func holder(port int) string {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listening(table, port, sockets)
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is sound
	for _, file := range files {
		if link, err := os.Readlink(file); err == nil && sockets[link] {
			pid := strings.Split(file, "/")[2]
			command, _ := os.ReadFile("/proc/" + pid + "/cmdline") // it may just have ended
			words := strings.Join(strings.FieldsFunc(string(command), func(r rune) bool { return r == 0 }), " ")
			return fmt.Sprintf("pid %s, %s", pid, words[:min(len(words), maxCommand)])
		}
	}
	return ""
}

// maxCommand is how much of a command line is shown.
const maxCommand = 100

// listening adds the sockets of a table that listen on a port, as links to them read.
func listening(table string, port int, sockets map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return // there is no IPv6
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		const local, state, inode = 1, 3, 9
		fields := strings.Fields(lines.Text())
		if len(fields) <= inode || fields[state] != "0A" {
			continue
		}
		_, text, _ := strings.Cut(fields[local], ":")
		if b, err := hex.DecodeString(text); err == nil && len(b) == 2 && int(b[0])<<8|int(b[1]) == port {
			if _, err := strconv.Atoi(fields[inode]); err == nil {
				sockets["socket:["+fields[inode]+"]"] = true
			}
		}
	}
}
