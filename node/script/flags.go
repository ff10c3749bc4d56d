package script

import (
	"bytes"
	"strings"

	"holdfast/node/programs"
	"holdfast/resp"
)

// Flags are what a script says of itself.
type Flags uint8

// The flags.
const (
	NoWrites       Flags = 1 << iota // it only reads
	AllowOOM                         // it may run while memory is over its limit
	AllowStale                       // it may run on a replica that can't answer for the data
	NoCluster                        // it may not run in a cluster
	AllowCrossSlot                   // its keys may be in several slots of a cluster

	Plain // it says nothing: it may do what its commands may
)

// flagNames are the flags in the order in which they are listed.
var flagNames = []struct {
	flag Flags
	name string
}{
	{NoWrites, "no-writes"}, {AllowOOM, "allow-oom"}, {AllowStale, "allow-stale"}, {NoCluster, "no-cluster"},
	{AllowCrossSlot, "allow-cross-slot-keys"},
}

// flagNamed is a flag by its name; 0: there is none.
func flagNamed(name string) Flags {
	for _, f := range flagNames {
		if f.name == name {
			return f.flag
		}
	}
	return 0
}

// ReadFlags reads what a script says of itself in its first line.
func ReadFlags(body []byte) (Flags, error) {
	if len(body) < 2 || body[0] != '#' || body[1] != '!' {
		return Plain, nil
	}
	flags, _, err := readFlags(string(body))
	return flags, err
}

// readFlags reads a script's first line, if it is one for it, and says where the rest begins: at the end of that line,
// so that lines keep their numbers.
func readFlags(body string) (flags Flags, rest string, err error) {
	if !strings.HasPrefix(body, "#!") {
		return Plain, body, nil
	}
	words, rest, ok := programs.FirstLine(body)
	switch {
	case !ok:
		return 0, "", resp.Error("ERR Invalid script shebang")
	case len(words) == 0:
		return 0, "", resp.Error("ERR Invalid engine in script shebang")
	case string(words[0]) != "#!lua":
		return 0, "", resp.Error("ERR Unexpected engine in script shebang: " + resp.Text(words[0]))
	}
	for _, word := range words[1:] {
		list, ok := bytes.CutPrefix(word, []byte("flags="))
		if !ok {
			return 0, "", resp.Error("ERR Unknown lua shebang option: " + resp.Text(word))
		}
		if len(list) == 0 {
			continue
		}
		for name := range bytes.SplitSeq(list, []byte(",")) {
			flag := flagNamed(resp.Text(name))
			if flag == 0 {
				return 0, "", resp.Error("ERR Unexpected flag in script shebang: " + resp.Text(name))
			}
			flags |= flag
		}
	}
	return flags, rest, nil
}
