package command

import (
	"math"

	"holdfast/resp"
)

// slowLog keeps the commands that took long, newest last.
type slowLog struct {
	entries []slowEntry
	nextID  int64
}

// slowEntry is one slow command, with its arguments cut short.
type slowEntry struct {
	id, at, micros int64 // at in unix seconds
	args           []string
	addr, client   string
}

// What an entry keeps of a command at most.
const (
	slowArgs      = 32
	slowArgLength = 128
)

// add keeps a command and forgets the oldest beyond limit.
func (l *slowLog) add(e slowEntry, limit int) {
	e.id = l.nextID
	l.nextID++
	l.entries = append(l.entries, e)
	l.trim(limit)
}

// trim forgets the oldest entries beyond limit.
func (l *slowLog) trim(limit int) {
	if over := len(l.entries) - limit; over > 0 {
		clear(l.entries[:over])
		l.entries = l.entries[over:]
	}
}

// shortened copies arguments as the slow log shows them.
func shortened(args [][]byte) []string {
	kept := make([]string, 0, min(len(args), slowArgs))
	for i, a := range args {
		if i == slowArgs-1 && len(args) > slowArgs {
			return append(kept, "... ("+itoa(int64(len(args)-i))+" more arguments)")
		}
		if over := len(a) - slowArgLength; over > 0 {
			kept = append(kept, string(a[:slowArgLength])+"... ("+itoa(int64(over))+" more bytes)")
		} else {
			kept = append(kept, string(a))
		}
	}
	return kept
}

// slowlogRows is SLOWLOG.
var slowlogRows = []Command{{
	Name: "slowlog", Arity: -2, Group: "server", Since: "2.2.12", Complexity: "that of the subcommand",
	Summary: "Looks at the commands that took long.",
	Sub: []Command{
		{
			Name: "get", Arity: -2, Flags: resp.Admin | resp.Loading | resp.Stale, Since: "2.2.12",
			Complexity: "O(N) in the number of entries answered", Summary: "Answers the newest entries.",
			Syntax:  "[count:integer]",
			Tips:    []string{"request_policy:all_nodes", "nondeterministic_output"},
			History: [][2]string{{"4.0.0", "Tells the client's address and name."}}, Run: slowlogGet,
		},
		{
			Name: "help", Arity: 2, Flags: resp.Loading | resp.Stale, Since: "6.2.0", Complexity: "O(1)",
			Summary: "Explains the subcommands.", Run: slowlogHelp,
		},
		{
			Name: "len", Arity: 2, Flags: resp.Admin | resp.Loading | resp.Stale, Since: "2.2.12", Complexity: "O(1)",
			Summary: "Counts the entries.",
			Tips:    []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
			Run:     slowlogLen,
		},
		{
			Name: "reset", Arity: 2, Flags: resp.Admin | resp.Loading | resp.Stale, Since: "2.2.12",
			Complexity: "O(N) in the number of entries", Summary: "Forgets all entries.",
			Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"}, Run: slowlogReset,
		},
	},
}}

func slowlogGet(c *Context, args [][]byte, w *resp.Writer) error {
	count := int64(10)
	switch len(args) {
	case 2:
	case 3:
		var ok bool
		if count, ok = resp.ParseInt(args[2]); !ok || count < -1 {
			return resp.Error("ERR count should be greater than or equal to -1")
		}
		if count == -1 {
			count = math.MaxInt64
		}
	default:
		return badSubcommand(args)
	}
	c.slow.trim(c.Config.SlowlogMaxLen())
	all := c.slow.entries
	n := int(min(count, int64(len(all))))
	w.Array(n)
	for i := range n {
		all[len(all)-1-i].write(w)
	}
	return nil
}

func (e *slowEntry) write(w *resp.Writer) {
	w.Array(6)
	w.Int(e.id)
	w.Int(e.at)
	w.Int(e.micros)
	w.Array(len(e.args))
	for _, a := range e.args {
		w.BulkString(a)
	}
	w.BulkString(e.addr)
	w.BulkString(e.client)
}

func slowlogLen(c *Context, _ [][]byte, w *resp.Writer) error {
	c.slow.trim(c.Config.SlowlogMaxLen())
	w.Int(int64(len(c.slow.entries)))
	return nil
}

func slowlogReset(c *Context, _ [][]byte, w *resp.Writer) error {
	c.slow.entries = nil
	w.OK()
	return nil
}

func slowlogHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "SLOWLOG",
		"GET [<count>]",
		"    Answer the newest entries: 10 of them, or <count>; -1 for all. An entry has its id, when the command ran,",
		"    the microseconds it took, its arguments, the client's address and name.",
		"LEN",
		"    Count the entries.",
		"RESET",
		"    Forget all entries.",
	)
	return nil
}
