package server

import (
	"holdfast/resp"
	"holdfast/server/pubsub"
)

// pubsubRows are the commands about channels.
var pubsubRows = []row{
	subscribeRow("subscribe", -2, "2.0.0", "channel...", "Listens to channels.",
		subscribe(pubsub.Channel, "subscribe")),
	subscribeRow("unsubscribe", -1, "2.0.0", "[channel...]", "Stops listening to channels, or to all.",
		unsubscribe(pubsub.Channel, "unsubscribe")),
	subscribeRow("psubscribe", -2, "2.0.0", "pattern=(pattern)...", "Listens to all channels that match a pattern.",
		subscribe(pubsub.Pattern, "psubscribe")),
	subscribeRow("punsubscribe", -1, "2.0.0", "[pattern...]", "Stops listening by patterns, or by all.",
		unsubscribe(pubsub.Pattern, "punsubscribe")),
	shardRow(subscribeRow("ssubscribe", -2, "7.0.0", "shardchannel...", "Listens to shard channels.",
		subscribe(pubsub.Shard, "ssubscribe")), -1),
	shardRow(subscribeRow("sunsubscribe", -1, "7.0.0", "[shardchannel...]",
		"Stops listening to shard channels, or to all.", unsubscribe(pubsub.Shard, "sunsubscribe")), -1),
	{
		Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0", Complexity: "that of the subcommand",
		Summary: "Tells who listens to what.",
		Sub: []row{
			pubsubSub("channels", -2, "2.8.0", "[pattern]", "Lists the channels that somebody listens to.",
				activeChannels(pubsub.Channel)),
			pubsubSub("numpat", 2, "2.8.0", "", "Counts the patterns in use.", numPat),
			pubsubSub("numsub", -2, "2.8.0", "[channel...]", "Counts the listeners of channels.",
				numSub(pubsub.Channel)),
			pubsubSub("shardchannels", -2, "7.0.0", "[pattern]", "Lists the shard channels that somebody listens to.",
				activeChannels(pubsub.Shard)),
			pubsubSub("shardnumsub", -2, "7.0.0", "[shardchannel...]", "Counts the listeners of shard channels.",
				numSub(pubsub.Shard)),
			{
				Name: "help", Arity: 2, Flags: always, Since: "6.2.0", Complexity: "O(1)",
				Summary: "Explains the subcommands.", Run: pubsubHelp,
			},
		},
	},
}

func subscribeRow(name string, arity int, since, syntax, summary string, run handler) row {
	return row{
		Name: name, Arity: arity, Flags: resp.PubSub | resp.NoScript | always | resp.WhileSubscribed | resp.Sentinel,
		Group:      "pubsub",
		Since:      since,
		Complexity: "O(N) in the number of names", Summary: summary, Syntax: syntax, Run: run,
	}
}

// shardRow has the channels routed like keys, though they are none; a sentinel has no shards.
func shardRow(r row, last int) row {
	r.Keys = []resp.KeySpec{{First: 1, Last: last, Flags: resp.NotKey}}
	r.Flags &^= resp.Sentinel
	return r
}

// ErrInPubSub refuses a command, other than those that are marked, of a client of RESP2 that is subscribed.
func ErrInPubSub(command string) error {
	return resp.Error("ERR Can't execute '" + command +
		"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
}

// PublishRow is PUBLISH: what becomes of a message is the host's matter.
func PublishRow[S any](run func(s S, args [][]byte, w *resp.Writer) error) resp.Command[S] {
	return resp.Command[S]{
		Name: "publish", Arity: 3, Flags: publishing | resp.Sentinel, Group: "pubsub", Since: "2.0.0",
		Complexity: "O(N+M) with N listeners of the channel and M patterns in use",
		Summary:    "Sends a message to all who listen to a channel.", Syntax: "channel message", Run: run,
	}
}

// ShardPublishRow is SPUBLISH.
func ShardPublishRow[S any](run func(s S, args [][]byte, w *resp.Writer) error) resp.Command[S] {
	return resp.Command[S]{
		Name: "spublish", Arity: 3, Flags: publishing, Group: "pubsub", Since: "7.0.0",
		Keys:       []resp.KeySpec{{First: 1, Last: 1, Flags: resp.NotKey}},
		Complexity: "O(N) with N listeners of the channel",
		Summary:    "Sends a message to all who listen to a shard channel.", Syntax: "shardchannel message", Run: run,
	}
}

const publishing = resp.PubSub | always | resp.Fast | resp.MayReplicate

func pubsubSub(name string, arity int, since, syntax, summary string, run handler) row {
	return row{
		Name: name, Arity: arity, Flags: resp.PubSub | always, Since: since,
		Complexity: "O(N) in the number of channels looked at", Summary: summary, Syntax: syntax, Run: run,
	}
}

// count copies the hub's number of subscriptions into the session, and answers what the replies of that kind count.
func (c *Call) countSubscriptions(kind pubsub.Kind) int {
	n := c.Hub.Count(kind, c.S)
	switch kind {
	case pubsub.Channel:
		c.S.Subscriptions = n
	case pubsub.Pattern:
		c.S.PSubscriptions = n
	case pubsub.Shard:
		c.S.SSubscriptions = n
		return n
	}
	return c.S.Subscribed()
}

// confirm tells of a change of subscriptions: a message rather than a reply. Without a name there was none to end.
func (c *Call) confirm(kind pubsub.Kind, word string, name []byte) {
	c.S.Push(func(w *resp.Writer) {
		w.Push(3)
		w.BulkString(word)
		if name == nil {
			w.Null()
		} else {
			w.Bulk(name)
		}
		w.Int(int64(c.countSubscriptions(kind)))
	})
}

func subscribe(kind pubsub.Kind, word string) handler {
	return func(c *Call, args [][]byte, _ *resp.Writer) error {
		for _, name := range args[1:] {
			c.Hub.Subscribe(kind, c.S, string(name))
			c.confirm(kind, word, name)
		}
		return nil
	}
}

func unsubscribe(kind pubsub.Kind, word string) handler {
	return func(c *Call, args [][]byte, _ *resp.Writer) error {
		var names []string
		if len(args) == 1 {
			names = c.Hub.Of(kind, c.S)
		}
		for _, a := range args[1:] {
			names = append(names, string(a))
		}
		for _, name := range names {
			c.Hub.Unsubscribe(kind, c.S, name)
			c.confirm(kind, word, []byte(name))
		}
		if len(names) == 0 { // one reply at least
			c.confirm(kind, word, nil)
		}
		return nil
	}
}

func activeChannels(kind pubsub.Kind) handler {
	return func(c *Call, args [][]byte, w *resp.Writer) error {
		var pattern []byte
		switch len(args) {
		case 2:
		case 3:
			pattern = args[2]
		default:
			return resp.BadSubcommand(args)
		}
		names := c.Hub.Active(kind, pattern)
		w.Array(len(names))
		for _, name := range names {
			w.BulkString(name)
		}
		return nil
	}
}

func numSub(kind pubsub.Kind) handler {
	return func(c *Call, args [][]byte, w *resp.Writer) error {
		w.Array(2 * len(args[2:]))
		for _, name := range args[2:] {
			w.Bulk(name)
			w.Int(int64(c.Hub.NumSub(kind, name)))
		}
		return nil
	}
}

func numPat(c *Call, _ [][]byte, w *resp.Writer) error {
	w.Int(int64(c.Hub.Topics(pubsub.Pattern)))
	return nil
}

func pubsubHelp(_ *Call, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "PUBSUB",
		"CHANNELS [<pattern>]",
		"    List the channels that have listeners, all or those that match <pattern>.",
		"NUMPAT",
		"    Count the patterns that somebody listens by.",
		"NUMSUB [<channel> ...]",
		"    Count who listens to each channel by its name; patterns don't count.",
		"SHARDCHANNELS [<pattern>]",
		"    List the shard channels that have listeners, all or those that match <pattern>.",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    Count who listens to each shard channel.",
	)
	return nil
}
