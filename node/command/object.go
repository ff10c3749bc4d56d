package command

import (
	"math"

	"holdfast/node/engine"
	"holdfast/node/store"
	"holdfast/resp"
)

var objectRow = Command{
	Name: "object", Arity: -2, Group: "generic", Since: "2.2.3", Complexity: "depends on the subcommand",
	Summary: "Looks behind a key's value.",
	Sub: []Command{
		objectSub("freq", "4.0.0", "Answers how often a key was used, on a logarithmic scale.", objectFreq),
		objectSub("encoding", "2.2.3", "Answers how a value is represented.", objectEncoding),
		objectSub("idletime", "2.2.3", "Answers for how many seconds a key wasn't used.", objectIdleTime),
		{
			Name: "help", Arity: 2, Flags: resp.Loading | resp.Stale, Categories: resp.CatKeyspace, Group: "generic",
			Since: "6.2.0", Complexity: "O(1)", Summary: "Lists the subcommands.", Run: objectHelp,
		},
		objectSub("refcount", "2.2.3", "Answers how many references to a value there are.", objectRefCount),
	},
}

func objectSub(name, since, summary string, run func(*Context, [][]byte, *resp.Writer) error) Command {
	return Command{
		Name: name, Arity: 3, Flags: resp.ReadOnly, Categories: resp.CatKeyspace,
		Keys: []resp.KeySpec{{First: 2, Last: 2, Flags: resp.RO}}, Group: "generic", Since: since, Complexity: "O(1)",
		Summary: summary, Syntax: "key", Tips: []string{"nondeterministic_output"}, Run: run,
	}
}

// lookObject looks a key up without leaving a trace but in the counters; it answers null for an absent one.
func lookObject(c *Context, key []byte, w *resp.Writer) (store.Item, bool) {
	it, ok := c.Find(key)
	if ok {
		c.Stats.KeyspaceHits++
	} else {
		c.Stats.KeyspaceMisses++
		w.Null()
	}
	return it, ok
}

func objectEncoding(c *Context, args [][]byte, w *resp.Writer) error {
	if it, ok := lookObject(c, args[2], w); ok {
		w.BulkString(it.Encoding().String())
	}
	return nil
}

// Redis shares the objects of small integers, unless it needs an access time for each; their count of references is the
// largest there is. Nothing is shared here, but the answer is the same.
const sharedIntegers = 10000

func objectRefCount(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := lookObject(c, args[2], w)
	if !ok {
		return nil
	}
	refs := int64(1)
	if it.Encoding() == store.EncInt && it.Type() == store.TypeString && c.sharesIntegers() {
		if n, ok := resp.ParseInt(it.Bytes()); ok && n >= 0 && n < sharedIntegers {
			refs = math.MaxInt32
		}
	}
	w.Int(refs)
	return nil
}

func (c *Context) sharesIntegers() bool {
	rank := c.policy().Rank
	return c.Config.MaxMemory() == 0 || rank != engine.RankIdle && rank != engine.RankUse
}

func (c *Context) countsUse() bool { return c.policy().Rank == engine.RankUse }

func objectIdleTime(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := lookObject(c, args[2], w)
	if !ok {
		return nil
	}
	if c.countsUse() {
		return resp.Error(
			"ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching " +
				"between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	w.Int(engine.IdleSeconds(it.Access(), c.Now))
	return nil
}

func objectFreq(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := lookObject(c, args[2], w)
	if !ok {
		return nil
	}
	if !c.countsUse() {
		return resp.Error(
			"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when " +
				"switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	w.Int(engine.UseCount(it.Access(), c.Now, c.Config.LFUDecayTime()))
	return nil
}

func objectHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "object",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
	)
	return nil
}
