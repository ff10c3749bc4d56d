package compat

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Replies that can't be equal byte for byte, and what is asked of them instead:
//
//	TTL PTTL EXPIRETIME PEXPIRETIME  the clock goes on between the two servers: nearly the same number
//	OBJECT|IDLETIME  some time: Redis keeps one for all keys that share a small integer
//	KEYS          in any order
//	SCAN          a whole iteration, in any order, any key as often as it likes
//	              (TYPE none is not asked for: Redis answers the keys that it finds expired, and deletes, right then)
//	DUMP          any payload: both servers compress in their own way; RESTORE shows that the other one can read it
//	RANDOMKEY     any key, if there is one at all
//	SMEMBERS SINTER SUNION SDIFF SPOP  in any order
//	HGETALL HKEYS HVALS  in any order, but each field with its value
//	SSCAN HSCAN ZSCAN  as SCAN
//	SRANDMEMBER ZRANDMEMBER HRANDFIELD  as many members
//	XPENDING XINFO  the clock goes on between the two servers: times may differ a little
//	OBJECT|ENCODING  skiplist for listpack: SORT converts the sorted set that it reads, ours does not
//	OBJECT|REFCOUNT  Redis counts pointers of its own: those of a transaction's queue; those to small integers, except
//	              ones that COPY made
//
// All else is compared by its bytes.

// same judges the replies to one command.
func same(args []string, a, b reply) bool {
	if bytes.Equal(a.raw, b.raw) {
		return true
	}
	if a.kind != b.kind {
		return false
	}
	switch commandName(args) {
	case "ttl", "expiretime":
		return near(a, b, 3)
	case "object|idletime":
		return near(a, b, 1<<24)
	case "pttl", "pexpiretime":
		return near(a, b, 3000)
	case "object|encoding":
		// Redis makes a short HyperLogLog raw before it looks at it.
		return a.text == "skiplist" && b.text == "listpack" ||
			a.text == "raw" && b.text == "embstr" && strings.HasPrefix(args[2], "hll")
	case "object|refcount":
		return a.kind == ':' && isCount(a.text) && isCount(b.text)
	case "keys", "scan":
		return a.kind == '*' && slices.Equal(sortedTexts(a.elems), sortedTexts(b.elems))
	case "hgetall":
		return a.text == b.text && slices.Equal(sortedPairs(a.elems), sortedPairs(b.elems))
	case "smembers", "sinter", "sunion", "sdiff", "spop", "hkeys", "hvals":
		return a.text == b.text && slices.Equal(allTexts(a.elems), allTexts(b.elems))
	case "sscan", "hscan", "zscan":
		return a.kind == '*' && slices.Equal(sortedTexts(a.elems), sortedTexts(b.elems))
	case "srandmember", "zrandmember", "hrandfield":
		return a.kind != '-' && len(a.elems) == len(b.elems)
	case "dump":
		return a.kind == '$' && (a.text == "") == (b.text == "")
	case "xpending", "xinfo":
		return sameButTimes(a, b, "")
	case "randomkey":
		return a.kind == '$' && string(a.raw) != "$-1\r\n" && string(b.raw) != "$-1\r\n"
	}
	return false
}

// sameButTimes judges replies in which moments, and the times that something has been idle for, may differ: those are
// great numbers, stand behind that name, or are third of four, as in what is pending.
func sameButTimes(a, b reply, name string) bool {
	if bytes.Equal(a.raw, b.raw) && len(a.elems) == 0 {
		return a.text == b.text
	}
	if a.kind != b.kind || len(a.elems) != len(b.elems) {
		return false
	}
	if len(a.elems) == 0 {
		m, _ := strconv.ParseInt(a.text, 10, 64)
		return near(a, b, 5000) && (name == "idle" || m > 1e12)
	}
	for i := range a.elems {
		before := ""
		switch {
		case len(a.elems) == 4 && i == 2 && a.elems[0].kind == '$':
			before = "idle"
		case i > 0:
			before = a.elems[i-1].text
		}
		if !sameButTimes(a.elems[i], b.elems[i], before) {
			return false
		}
	}
	return true
}

// sameAll judges the reply to EXEC, element by element.
func sameAll(queued [][]string, a, b reply) bool {
	if bytes.Equal(a.raw, b.raw) {
		return true
	}
	if a.kind != '*' || b.kind != '*' || len(a.elems) != len(b.elems) || len(a.elems) != len(queued) {
		return false
	}
	for i, args := range queued {
		if !same(args, a.elems[i], b.elems[i]) {
			return false
		}
	}
	return true
}

// commandName is lower case, with the subcommand where the rules know one.
func commandName(args []string) string {
	name := strings.ToLower(args[0])
	if name == "object" && len(args) > 1 {
		name += "|" + strings.ToLower(args[1])
	}
	return name
}

func near(a, b reply, tolerance int64) bool {
	x, errX := strconv.ParseInt(a.text, 10, 64)
	y, errY := strconv.ParseInt(b.text, 10, 64)
	return a.kind == ':' && errX == nil && errY == nil && x >= 0 && y >= 0 && x-y <= tolerance && y-x <= tolerance
}

func isCount(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n > 0
}

func sortedTexts(elems []reply) []string { return slices.Compact(allTexts(elems)) }

// allTexts is sorted too, with what occurs several times.
func allTexts(elems []reply) []string {
	texts := make([]string, len(elems))
	for i, e := range elems {
		texts[i] = e.text
	}
	slices.Sort(texts)
	return texts
}

// sortedPairs joins each field with its value.
func sortedPairs(elems []reply) []string {
	var pairs []string
	for i := 0; i+1 < len(elems); i += 2 {
		pairs = append(pairs, elems[i].text+"="+elems[i+1].text)
	}
	slices.Sort(pairs)
	return pairs
}

// cursorAt is the place of the cursor among the arguments of a command that iterates, 0 for other commands.
func cursorAt(name string) int {
	switch name {
	case "scan":
		return 1
	case "sscan", "hscan", "zscan":
		return 2
	}
	return 0
}
