package sentinel

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"holdfast/resp"
)

// row is a command of a sentinel.
type row = resp.Command[*call]

// redisVersion is the version of Redis that this program behaves like; clients choose commands by it.
const redisVersion = "7.0.15"

// commandTable is everything a sentinel understands. SELECT, GET and the like are unknown here, as in Redis.
func commandTable() *resp.Table[*call] {
	return resp.NewTable(connectionRows, pubsubRows, serverRows, sentinelRows, holdfastRows)
}

var connectionRows = []row{
	{Name: "ping", Arity: -1, Flags: resp.Fast | resp.Sentinel, Categories: resp.CatConnection, Group: "connection",
		Since: "1.0.0", Summary: "Ping the server", Syntax: "[message]", Run: ping},
	{Name: "hello", Arity: -1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel,
		Categories: resp.CatConnection, Group: "connection", Since: "6.0.0", Summary: "Handshake with Redis", Run: hello},
	{Name: "auth", Arity: -2, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel,
		Categories: resp.CatConnection, Group: "connection", Since: "1.0.0", Summary: "Authenticate to the server",
		Syntax: "[username] password", Run: auth},
	{Name: "quit", Arity: -1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel,
		Categories: resp.CatConnection, Group: "connection", Since: "1.0.0", Summary: "Close the connection", Run: quit},
	{Name: "reset", Arity: 1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.NoAuth | resp.AllowBusy | resp.Sentinel,
		Categories: resp.CatConnection, Group: "connection", Since: "6.2.0", Summary: "Reset the connection", Run: reset},
	{Name: "client", Arity: -2, Flags: resp.Sentinel, Group: "connection", Since: "2.4.0",
		Summary: "A container for client connection commands", Sub: clientRows},
}

func ping(c *call, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return resp.Error("ERR wrong number of arguments for 'ping' command")
	}
	subscribed := len(c.link.channels)+len(c.link.patterns) > 0
	switch {
	case subscribed && w.Proto != 3:
		w.Array(2)
		w.BulkString("pong")
		if len(args) == 2 {
			w.Bulk(args[1])
		} else {
			w.BulkString("")
		}
	case len(args) == 2:
		w.Bulk(args[1])
	default:
		w.Simple("PONG")
	}
	return nil
}

// Errors of authentication, in Redis's words.
const (
	errNoPassword = resp.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errWrongPass  = resp.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errHelloAuth  = resp.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
	errSyntax     = resp.Error("ERR syntax error")
)

func auth(c *call, args [][]byte, w *resp.Writer) error {
	if len(args) > 3 {
		return errSyntax
	}
	user := []byte("default")
	if len(args) == 3 {
		user = args[1]
	} else if c.cfg.RequirePass == "" {
		return errNoPassword
	}
	if err := c.authenticate(user, args[len(args)-1]); err != nil {
		return err
	}
	w.OK()
	return nil
}

// authenticate compares digests, so that the time it takes says nothing about the password.
func (c *call) authenticate(user, pass []byte) error {
	want, got := sha256.Sum256([]byte(c.cfg.RequirePass)), sha256.Sum256(pass)
	right := c.cfg.RequirePass == "" || subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if string(user) != "default" || !right {
		return errWrongPass
	}
	c.link.authed = true
	return nil
}

func hello(c *call, args [][]byte, w *resp.Writer) error {
	proto := w.Proto
	rest := args[1:]
	if len(rest) > 0 {
		n, ok := resp.ParseInt(rest[0])
		if !ok {
			return resp.Error("ERR Protocol version is not an integer or out of range")
		}
		if n != 2 && n != 3 {
			return resp.Error("NOPROTO unsupported protocol version")
		}
		proto, rest = int(n), rest[1:]
	}
	name, named := "", false
	for len(rest) > 0 {
		switch option := strings.ToLower(string(rest[0])); {
		case option == "auth" && len(rest) >= 3:
			if err := c.authenticate(rest[1], rest[2]); err != nil {
				return err
			}
			rest = rest[3:]
		case option == "setname" && len(rest) >= 2:
			if !validName(rest[1]) {
				return errClientName
			}
			name, named, rest = string(rest[1]), true, rest[2:]
		default:
			return resp.Error("ERR Syntax error in HELLO option '" + string(rest[0]) + "'")
		}
	}
	if !c.link.authed {
		return errHelloAuth
	}
	c.link.mu.Lock()
	c.link.proto = proto
	if named {
		c.link.name = name
	}
	c.link.mu.Unlock()
	w.Proto = proto
	w.Map(6)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(redisVersion)
	w.BulkString("proto")
	w.Int(int64(proto))
	w.BulkString("id")
	w.Int(int64(c.link.origin.number))
	w.BulkString("mode")
	w.BulkString("sentinel")
	w.BulkString("modules")
	w.Array(0)
	return nil
}

func quit(c *call, _ [][]byte, w *resp.Writer) error {
	w.OK()
	c.link.closing = true
	return nil
}

func reset(c *call, _ [][]byte, w *resp.Writer) error {
	l := c.link
	for channel := range l.channels {
		c.hub.unsubscribe(l, channel, false)
	}
	for pattern := range l.patterns {
		c.hub.unsubscribe(l, pattern, true)
	}
	clear(l.channels)
	clear(l.patterns)
	l.authed = c.cfg.RequirePass == ""
	l.mu.Lock()
	l.proto, l.name, l.subs = 2, "", 0
	l.mu.Unlock()
	w.Proto = 2
	w.Simple("RESET")
	return nil
}

var pubsubRows = []row{
	{Name: "subscribe", Arity: -2, Flags: resp.PubSub | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Group: "pubsub",
		Since: "2.0.0", Summary: "Listen for messages published to the given channels", Syntax: "channel...",
		Run: func(c *call, args [][]byte, w *resp.Writer) error { return subscribe(c, args, w, false) }},
	{Name: "psubscribe", Arity: -2, Flags: resp.PubSub | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Group: "pubsub",
		Since: "2.0.0", Summary: "Listen for messages published to channels matching the given patterns", Syntax: "pattern...",
		Run: func(c *call, args [][]byte, w *resp.Writer) error { return subscribe(c, args, w, true) }},
	{Name: "unsubscribe", Arity: -1, Flags: resp.PubSub | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Group: "pubsub",
		Since: "2.0.0", Summary: "Stop listening for messages posted to the given channels", Syntax: "[channel]...",
		Run: func(c *call, args [][]byte, w *resp.Writer) error { return unsubscribe(c, args, w, false) }},
	{Name: "punsubscribe", Arity: -1, Flags: resp.PubSub | resp.NoScript | resp.Loading | resp.Stale | resp.Sentinel, Group: "pubsub",
		Since: "2.0.0", Summary: "Stop listening for messages posted to channels that match the given patterns", Syntax: "[pattern]...",
		Run: func(c *call, args [][]byte, w *resp.Writer) error { return unsubscribe(c, args, w, true) }},
	{Name: "publish", Arity: 3, Flags: resp.PubSub | resp.Loading | resp.Stale | resp.Fast | resp.MayReplicate | resp.Sentinel,
		Group: "pubsub", Since: "2.0.0", Summary: "Post a message to a channel", Syntax: "channel message", Run: publish},
}

// subscribe confirms each name before its messages can come.
func subscribe(c *call, args [][]byte, w *resp.Writer, pattern bool) error {
	kind, mine := "subscribe", c.link.channels
	if pattern {
		kind, mine = "psubscribe", c.link.patterns
	}
	for _, arg := range args[1:] {
		name := string(arg)
		mine[name] = struct{}{}
		confirm(c.link, w, kind, &name)
		c.link.send(w.Buf)
		w.Buf = w.Buf[:0]
		c.hub.subscribe(c.link, name, pattern)
	}
	return nil
}

func unsubscribe(c *call, args [][]byte, w *resp.Writer, pattern bool) error {
	kind, mine := "unsubscribe", c.link.channels
	if pattern {
		kind, mine = "punsubscribe", c.link.patterns
	}
	var gone []string
	for _, arg := range args[1:] {
		gone = append(gone, string(arg))
	}
	if len(args) == 1 {
		for name := range mine {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		c.hub.unsubscribe(c.link, name, pattern)
		delete(mine, name)
		confirm(c.link, w, kind, &name)
	}
	if len(gone) == 0 {
		confirm(c.link, w, kind, nil)
	}
	return nil
}

func confirm(l *link, w *resp.Writer, kind string, name *string) {
	n := len(l.channels) + len(l.patterns)
	l.mu.Lock()
	l.subs = n
	l.mu.Unlock()
	w.Push(3)
	w.BulkString(kind)
	if name == nil {
		w.Null()
	} else {
		w.BulkString(*name)
	}
	w.Int(int64(n))
}

// publish takes the hellos of other sentinels' tools and does nothing with them: sentinels find each other by gossip.
func publish(_ *call, args [][]byte, w *resp.Writer) error {
	if string(args[1]) != helloChannel {
		return resp.Error("ERR Only HELLO messages are accepted by Sentinel instances.")
	}
	w.Int(1)
	return nil
}

var serverRows = []row{
	resp.CommandRow(func(c *call) *resp.Table[*call] { return c.table }),
	{Name: "info", Arity: -1, Flags: resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatDangerous, Group: "server",
		Since: "1.0.0", Summary: "Get information and statistics about the server", Syntax: "[section]...", Run: info},
	{Name: "role", Arity: 1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.Sentinel,
		Categories: resp.CatAdmin | resp.CatDangerous, Group: "server", Since: "2.8.12",
		Summary: "Return the role of the instance in the context of replication", Run: role},
	{Name: "shutdown", Arity: -1, Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale | resp.NoMulti | resp.AllowBusy | resp.Sentinel,
		Group: "server", Since: "1.0.0", Summary: "Shut down the server",
		Run: func(c *call, _ [][]byte, _ *resp.Writer) error {
			c.link.closing = true
			c.shutdown()
			return nil
		}},
}

func role(c *call, _ [][]byte, w *resp.Writer) error {
	c.mu.Lock()
	groups := c.state.names()
	c.mu.Unlock()
	w.Array(2)
	w.BulkString("sentinel")
	w.Array(len(groups))
	for _, name := range groups {
		w.BulkString(name)
	}
	return nil
}

// millis is a duration as Redis prints it in a field.
func millis(d time.Duration) int64 { return max(d.Milliseconds(), 0) }
