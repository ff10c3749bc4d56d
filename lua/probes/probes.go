package probes

import (
	_ "embed"
	"fmt"
	"strings"
)

// Runner runs each line of the list in the variable probes, and prints what comes of it.
//
//go:embed runner.lua
var Runner string

// List is a list of lines as a Lua expression; "␤" is a line's end inside of one.
func List(lines []string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, line := range lines {
		b.WriteString(Quote(strings.ReplaceAll(line, "␤", "\n")) + ",\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// Quote makes a Lua literal of any bytes.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\%03d", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
