package sentinel

import (
	"time"

	"holdfast/resp"
	"holdfast/server"
)

// row is a command of a sentinel.
type row = resp.Command[*call]

// commandTable is everything a sentinel understands. SELECT, GET and the like are unknown here, as in Redis.
func commandTable() *resp.Table[*call] {
	return resp.NewTable(resp.Flagged(server.Rows(asCall), resp.Sentinel), serverRows, sentinelRows, holdfastRows)
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
	server.PublishRow(publish),
	resp.CommandRow(func(c *call) *resp.Table[*call] { return c.table }),
	{Name: "info", Arity: -1, Flags: resp.Loading | resp.Stale | resp.Sentinel, Categories: resp.CatDangerous,
		Group: "server",
		Since: "1.0.0", Summary: "Get information and statistics about the server", Syntax: "[section]...",
		Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}, Run: info},
	{Name: "role", Arity: 1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.Sentinel,
		Categories: resp.CatAdmin | resp.CatDangerous, Group: "server", Since: "2.8.12",
		Summary: "Return the role of the instance in the context of replication", Run: role},
	{Name: "shutdown", Arity: -1,
		Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale | resp.NoMulti | resp.AllowBusy | resp.Sentinel,
		Group: "server", Since: "1.0.0", Summary: "Shut down the server",
		Syntax: "[nosave-save=(NOSAVE|SAVE)] [NOW] [FORCE] [ABORT]", Run: shutdown},
	resp.ACLRow(resp.ACL[*call]{
		Table:    func(c *call) *resp.Table[*call] { return c.table },
		User:     func(*call) string { return resp.DefaultUser },
		Password: func(c *call) string { return c.cfg.RequirePass },
	}),
}

// shutdown stops the sentinel. There is nothing to save, nor to wait for, whatever the options say.
func shutdown(c *call, args [][]byte, _ *resp.Writer) error {
	o, err := resp.ParseShutdown(args[1:])
	if err != nil {
		return err
	}
	if o.Abort {
		return resp.Error("ERR No shutdown in progress.")
	}
	c.front.mu.Lock()
	c.link.s.Close("SHUTDOWN")
	c.front.mu.Unlock()
	c.shutdown()
	return nil
}

func role(c *call, _ [][]byte, w *resp.Writer) error {
	c.mu.Lock()
	groups := c.state.Names()
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
