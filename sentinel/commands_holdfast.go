package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"holdfast/cluster"
	"holdfast/resp"
)

// The HOLDFAST family is what nodes and sentinels say to a sentinel.
var holdfastRows = []row{{
	Name: "holdfast", Arity: -2, Flags: resp.Admin | resp.OnlySentinel | resp.Sentinel, Group: "sentinel", Since: "1.0.0",
	Summary: "A container for what members of a Holdfast group say to each other", Sub: []row{
		sub("heartbeat", 3, "1.0.0", "A node tells how it is", "json", heartbeatCommand),
		sub("report", 3, "1.0.0", "A sentinel tells the leader what it knows", "json", reportCommand),
		sub("bootstrap", -3, "1.0.0", "A sentinel asks for consent to make this one a voter", "sentinel-id [voter-id...]", bootstrapCommand),
		sub("forward", -4, "1.0.0", "A sentinel has the leader run an operator's command", "command argument...", forwardCommand),
		sub("failover", -3, "1.0.0", "Hand the master's role over", "master-name [replica]", holdfastFailover),
		sub("sentinel-remove", -3, "1.0.0", "Remove a sentinel for good", "sentinel [FORCE]", removeSentinelCommand),
		sub("removed", 3, "1.0.0", "The leader tells a sentinel that it was removed", "sentinel-id", removedCommand),
		sub("status", 2, "1.0.0", "Everything about the groups and the sentinels", "", statusCommand),
	},
}}

func heartbeatCommand(c *call, args [][]byte, w *resp.Writer) error {
	var hb cluster.Heartbeat
	if err := json.Unmarshal(args[2], &hb); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	c.link.mu.Lock()
	c.link.group = hb.Group
	c.link.mu.Unlock()
	reply, err := c.heartbeat(hb, c.link.origin)
	if err != nil {
		return err
	}
	return writeJSON(w, reply)
}

func reportCommand(c *call, args [][]byte, w *resp.Writer) error {
	var r report
	if err := json.Unmarshal(args[2], &r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if !c.quorum.isLeader() {
		return errNotLeader
	}
	return writeJSON(w, c.takeReport(r))
}

func bootstrapCommand(c *call, args [][]byte, w *resp.Writer) error {
	var voters []string
	for _, id := range args[3:] {
		voters = append(voters, string(id))
	}
	if c.consent(string(args[2]), voters) {
		w.Int(1)
	} else {
		w.Int(0)
	}
	return nil
}

// forwardCommand runs a SENTINEL command on the leader. It is not forwarded again: two sentinels that take each other for the
// leader must not send it back and forth.
func forwardCommand(c *call, args [][]byte, w *resp.Writer) error {
	inner := args[2:]
	cmd, err := c.table.Lookup(inner)
	if err != nil {
		return err
	}
	if name := cmd.FullName(); !strings.HasPrefix(name, "sentinel|") && name != "holdfast|sentinel-remove" {
		return errors.New("only commands of operators are forwarded")
	}
	return cmd.Run(&call{Sentinel: c.Sentinel, ctx: c.ctx, link: c.link, sub: true}, inner, w)
}

func holdfastFailover(c *call, args [][]byte, w *resp.Writer) error {
	return failover(c, append([][]byte{[]byte("sentinel"), []byte("failover")}, args[2:]...), w)
}

func statusCommand(c *call, _ [][]byte, w *resp.Writer) error { return writeJSON(w, c.status()) }

func writeJSON(w *resp.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	w.Bulk(data)
	return nil
}
