package command

import (
	"slices"

	"holdfast/resp"
)

// levelOfStreams is the feature level from which streams are in the log, and in snapshots.
const levelOfStreams = 4

// streamRows are the commands on streams.
var streamRows = []Command{
	{
		Name: "xack", Arity: -4, Flags: resp.Write | resp.Fast, Categories: resp.CatStream,
		Keys: oneKey(resp.RW | resp.Update), Group: "stream", Since: "5.0.0", Complexity: "O(N) in the ids",
		Summary: "Says that a group is done with entries that are pending.", Syntax: "key group ID:string...",
		Level: levelOfStreams, Run: xAck,
	},
	{
		Name: "xadd", Arity: -5, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatStream,
		Keys: []resp.KeySpec{{First: 1, Last: 1, Flags: resp.RW | resp.Update,
			Notes: "UPDATE instead of INSERT because of the optional trimming feature"}},
		Group: "stream", Since: "5.0.0", Complexity: "O(1); O(N) in the entries that are trimmed",
		Summary: "Adds an entry to a stream, which is created if it is absent.",
		Syntax: "key [NOMKSTREAM@6.2.0] trim=[strategy=(MAXLEN|MINID@6.2.0) operator=[equal==|approximately=~] " +
			"threshold [LIMIT count]@6.2.0] id_or_auto=(auto_id=*|ID:string) field_value=(field value)...",
		Tips: []string{"nondeterministic_output"},
		History: [][2]string{{"6.2.0", "`NOMKSTREAM`, `MINID` and `LIMIT`."},
			{"7.0.0", "An id of a time alone, `<ms>-*`."}},
		Level: levelOfStreams, Run: xAdd,
	},
	{
		Name: "xautoclaim", Arity: -6, Flags: resp.Write | resp.Fast, Categories: resp.CatStream,
		Keys: oneKey(resp.RW | resp.Delete), Group: "stream", Since: "6.2.0", Complexity: "O(N) in COUNT",
		Summary: "Gives entries that have been pending for long to a consumer.",
		Syntax:  "key group consumer min-idle-time start [COUNT count] [JUSTID]",
		Tips:    []string{"nondeterministic_output"},
		History: [][2]string{{"7.0.0", "Answers which entries are pending no more, as they were deleted."}},
		Level:   levelOfStreams, Run: xAutoClaim,
	},
	{
		Name: "xclaim", Arity: -6, Flags: resp.Write | resp.Fast, Categories: resp.CatStream,
		Keys: oneKey(resp.RW | resp.Update), Group: "stream", Since: "5.0.0",
		Complexity: "O(N*log(M)) in the ids and the entries that are pending",
		Summary:    "Gives entries that are pending to a consumer.",
		Syntax: "key group consumer min-idle-time ID:string... [IDLE ms:integer] [TIME unix-time-milliseconds] " +
			"[RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]",
		Tips: []string{"nondeterministic_output"}, Level: levelOfStreams, Run: xClaim,
	},
	{
		Name: "xdel", Arity: -3, Flags: resp.Write | resp.Fast, Categories: resp.CatStream,
		Keys: oneKey(resp.RW | resp.Delete), Group: "stream", Since: "5.0.0", Complexity: "O(N) in the ids",
		Summary: "Removes entries from a stream.", Syntax: "key ID:string...", Level: levelOfStreams, Run: xDel,
	},
	{
		Name: "xgroup", Arity: -2, Group: "stream", Since: "5.0.0", Complexity: "Depends on subcommand.",
		Summary: "About the groups of a stream.", Sub: xGroupRows,
	},
	{
		Name: "xinfo", Arity: -2, Group: "stream", Since: "5.0.0", Complexity: "Depends on subcommand.",
		Summary: "Describes a stream.", Sub: xInfoRows,
	},
	{
		Name: "xlen", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatStream, Keys: oneKey(resp.RO),
		Group: "stream", Since: "5.0.0", Complexity: "O(1)", Summary: "Answers the number of entries of a stream.",
		Syntax: "key", Run: xLen,
	},
	{
		Name: "xpending", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatStream,
		Keys: oneKey(resp.RO | resp.Access), Group: "stream", Since: "5.0.0",
		Complexity: "O(N) in the entries answered, or in the consumers",
		Summary:    "Answers what is pending in a group.",
		Syntax:     "key group filters=[[IDLE min-idle-time:integer]@6.2.0 start end count [consumer]]",
		Tips:       []string{"nondeterministic_output"},
		History:    [][2]string{{"6.2.0", "`IDLE`, and ranges without their ends."}}, Run: xPending,
	},
	xRangeRow("xrange", "start end", "Answers the entries in a range of ids.", xRange),
	{
		Name: "xread", Arity: -4, Flags: resp.ReadOnly | resp.Blocking, Categories: resp.CatStream,
		Keys:  []resp.KeySpec{{First: 1, Keyword: "STREAMS", Last: -1, Limit: 2, Flags: resp.RO | resp.Access}},
		Group: "stream", Since: "5.0.0", Complexity: "O(N) in the entries answered",
		Summary: "Answers the entries of streams behind ids, and waits until there is one.",
		Syntax:  "[COUNT count] [BLOCK milliseconds] STREAMS streams=(key... ID:string...)", Run: xRead,
	},
	{
		Name: "xreadgroup", Arity: -7, Flags: resp.Write | resp.Blocking, Categories: resp.CatStream,
		Keys:  []resp.KeySpec{{First: 4, Keyword: "STREAMS", Last: -1, Limit: 2, Flags: resp.RO | resp.Access}},
		Group: "stream", Since: "5.0.0", Complexity: "O(N) in the entries answered",
		Summary: "Gives entries that a group has not read to one of its consumers, and waits until there is one.",
		Syntax: "GROUP group_consumer=(group consumer) [COUNT count] [BLOCK milliseconds] [NOACK] " +
			"STREAMS streams=(key... ID:string...)",
		Level: levelOfStreams, Run: xReadGroup,
	},
	xRangeRow("xrevrange", "end start", "Answers the entries in a range of ids, the last one first.", xRevRange),
	{
		Name: "xsetid", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatStream,
		Keys: oneKey(resp.RW | resp.Update), Group: "stream", Since: "5.0.0", Complexity: "O(1)",
		Summary: "Sets the last id of a stream.",
		Syntax: "key last-id [ENTRIESADDED entries_added:integer]@7.0.0 " +
			"[MAXDELETEDID max_deleted_entry_id]@7.0.0",
		History: [][2]string{{"7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`."}}, Level: levelOfStreams, Run: xSetID,
	},
	{
		Name: "xtrim", Arity: -4, Flags: resp.Write, Categories: resp.CatStream, Keys: oneKey(resp.RW | resp.Delete),
		Group: "stream", Since: "5.0.0", Complexity: "O(N) in the entries removed",
		Summary: "Removes the first entries of a stream.",
		Syntax: "key trim=(strategy=(MAXLEN|MINID@6.2.0) operator=[equal==|approximately=~] threshold " +
			"[LIMIT count]@6.2.0)",
		Tips:    []string{"nondeterministic_output"},
		History: [][2]string{{"6.2.0", "`MINID` and `LIMIT`."}}, Level: levelOfStreams, Run: xTrim,
	},
}

func xRangeRow(name, ids, summary string, run handler) Command {
	return Command{
		Name: name, Arity: -4, Flags: resp.ReadOnly, Categories: resp.CatStream, Keys: oneKey(resp.RO | resp.Access),
		Group: "stream", Since: "5.0.0", Complexity: "O(N) in the entries answered", Summary: summary,
		Syntax: "key " + ids + " [COUNT count]", History: [][2]string{{"6.2.0", "Ranges without their ends."}},
		Run: run,
	}
}

// secondKey is the spec of a subcommand whose first argument is its only key.
func secondKey(flags resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{{First: 2, Last: 2, Flags: flags}}
}

var xGroupRows = slices.Concat([]Command{
	{
		Name: "create", Arity: -5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatStream,
		Keys: secondKey(resp.RW | resp.Insert), Since: "5.0.0", Complexity: "O(1)",
		Summary: "Creates a group.",
		Syntax: "key groupname id=(ID:string|new_id=$) [MKSTREAM] " +
			"[ENTRIESREAD entries_read:integer]",
		History: [][2]string{{"7.0.0", "`ENTRIESREAD`."}}, Level: levelOfStreams, Run: xGroupCreate,
	},
	{
		Name: "createconsumer", Arity: 5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatStream,
		Keys: secondKey(resp.RW | resp.Insert), Since: "6.2.0", Complexity: "O(1)",
		Summary: "Creates a consumer of a group.", Syntax: "key groupname consumername",
		Level: levelOfStreams, Run: xGroupCreateConsumer,
	},
	{
		Name: "delconsumer", Arity: 5, Flags: resp.Write, Categories: resp.CatStream,
		Keys: secondKey(resp.RW | resp.Delete), Since: "5.0.0", Complexity: "O(N) in the entries pending for it",
		Summary: "Removes a consumer of a group with what is pending for it.", Syntax: "key groupname consumername",
		Level: levelOfStreams, Run: xGroupDelConsumer,
	},
	{
		Name: "destroy", Arity: 4, Flags: resp.Write, Categories: resp.CatStream,
		Keys: secondKey(resp.RW | resp.Delete), Since: "5.0.0", Complexity: "O(1)",
		Summary: "Removes a group.", Syntax: "key groupname", Level: levelOfStreams, Run: xGroupDestroy,
	},
	{
		Name: "setid", Arity: -5, Flags: resp.Write, Categories: resp.CatStream,
		Keys: secondKey(resp.RW | resp.Update), Since: "5.0.0", Complexity: "O(1)",
		Summary: "Sets up to where a group has read.",
		Syntax:  "key groupname id=(ID:string|new_id=$) [ENTRIESREAD entries_read:integer]",
		History: [][2]string{{"7.0.0", "`ENTRIESREAD`."}}, Level: levelOfStreams, Run: xGroupSetID,
	},
}, []Command{streamHelpRow(xGroupHelp)})

var xInfoRows = []Command{
	{
		Name: "consumers", Arity: 4, Flags: resp.ReadOnly, Categories: resp.CatStream,
		Keys: secondKey(resp.RO | resp.Access), Since: "5.0.0", Complexity: "O(N) in the consumers",
		Summary: "Describes the consumers of a group.", Syntax: "key groupname",
		Tips: []string{"nondeterministic_output"}, Run: xInfoConsumers,
	},
	{
		Name: "groups", Arity: 3, Flags: resp.ReadOnly, Categories: resp.CatStream,
		Keys: secondKey(resp.RO | resp.Access), Since: "5.0.0", Complexity: "O(N) in the groups",
		Summary: "Describes the groups of a stream.", Syntax: "key",
		History: [][2]string{{"7.0.0", "`entries-read` and `lag`."}}, Run: xInfoGroups,
	},
	streamHelpRow(xInfoHelp),
	{
		Name: "stream", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatStream,
		Keys: secondKey(resp.RO | resp.Access), Since: "5.0.0", Complexity: "O(N) in COUNT, with FULL",
		Summary: "Describes a stream.", Syntax: "key [FULL full=([COUNT count])]",
		History: [][2]string{{"6.0.0", "`FULL`."},
			{"7.0.0", "`max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`."}},
		Run: xInfoStream,
	},
}

func streamHelpRow(run handler) Command {
	return Command{
		Name: "help", Arity: 2, Flags: resp.Loading | resp.Stale, Categories: resp.CatStream, Since: "5.0.0",
		Complexity: "O(1)", Summary: "Explains the subcommands.", Run: run,
	}
}
