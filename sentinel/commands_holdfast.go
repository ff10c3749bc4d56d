package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/membership"
	"holdfast/resp"
)

// The HOLDFAST family is what nodes and sentinels say to a sentinel.
var holdfastRows = []row{{
	Name: "holdfast", Arity: -2, Flags: resp.Admin | resp.OnlySentinel | resp.Sentinel, Group: "sentinel",
	Since:   "1.0.0",
	Summary: "A container for what members of a Holdfast group say to each other", Sub: []row{
		sub("hello", 3, "1.0.0", "A sentinel says who it is, and whom it means", "json", helloCommand),
		sub("heartbeat", 3, "1.0.0", "A node tells how it is", "json", heartbeatCommand),
		sub("report", 3, "1.0.0", "A sentinel tells the leader what it knows", "json", reportCommand),
		sub("bootstrap", -3, "1.0.0", "A sentinel asks for consent to make this one a voter",
			"sentinel-id [voter-id...]", bootstrapCommand),
		sub("forward", -4, "1.0.0", "A sentinel has the leader run an operator's command", "command argument...",
			forwardCommand),
		sub("failover", -3, "1.0.0", "Hand the master's role over", "master-name [replica]", holdfastFailover),
		sub("sentinel-remove", -3, "1.0.0", "Remove a sentinel for good", "sentinel [FORCE]", removeSentinelCommand),
		sub("removed", 3, "1.0.0", "The leader tells a sentinel that it was removed", "sentinel-id", removedCommand),
		sub("is-removed", 3, "1.0.0", "A sentinel asks whether it is agreed that one was removed", "sentinel-id",
			isRemovedCommand),
		sub("status", 2, "1.0.0", "Everything about the groups and the sentinels", "", statusCommand),
	},
}}

// fromMember refuses what only a member may say, unless that member has proven itself on this connection. Without a key
// everybody is believed.
func (c *call) fromMember(kind, name string) error {
	peer := c.link.conn.Peer()
	switch {
	case !rules.ProofToSentinel || c.member == nil:
		return nil
	case peer.Kind == "":
		return errNoProof
	case peer != membership.Peer{Kind: kind, Name: name}:
		return resp.Error(fmt.Sprintf("NOPROOF this connection is one of %s, which can't speak for %s %s", peer, kind,
			name))
	}
	return nil
}

const errNoProof = resp.Error("NOPROOF only members of the group may say this, who prove themselves with its group-key")

// maxHeartbeat is many times what a heartbeat takes: names and addresses are short.
const maxHeartbeat = 16 << 10

func heartbeatCommand(c *call, args [][]byte, w *resp.Writer) error {
	if len(args[2]) > maxHeartbeat {
		return errors.New("heartbeat: too long")
	}
	var hb cluster.Heartbeat
	if err := json.Unmarshal(args[2], &hb); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	if err := c.fromMember(membership.Node, hb.Member.Name); rules.ProofOfNode && err != nil {
		return err
	}
	if err := c.isForeign(hb); err != nil {
		return err
	}
	c.front.mu.Lock()
	if c.link.beats.Group == "" {
		c.link.beats = hb
	}
	of := c.link.beats
	c.front.mu.Unlock()
	if of.Group != hb.Group || !of.Member.Is(hb.Member) {
		return resp.Error(fmt.Sprintf("ERR this connection speaks for %s of group '%s' only", of.Member.Name, of.Group))
	}
	reply, err := c.heartbeat(hb, c.link.origin)
	if err != nil {
		return err
	}
	return writeJSON(w, reply)
}

// isForeign says whether a node is of another installation. One without groups lets nodes bring theirs.
func (c *call) isForeign(hb cluster.Heartbeat) error {
	c.mu.Lock()
	ours, tentative := c.installation()
	c.mu.Unlock()
	err := cluster.Foreign("node "+hb.Member.Addr, hb.Installation, ours)
	if err == nil || tentative {
		return nil
	}
	c.refuse("node "+hb.Member.Addr, false, false, err)
	return resp.Error("ERR " + err.Error())
}

func reportCommand(c *call, args [][]byte, w *resp.Writer) error {
	var r report
	if err := json.Unmarshal(args[2], &r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := c.fromMember(membership.Sentinel, r.Sentinel); rules.ProofOfSentinel && err != nil {
		return err
	}
	if !c.quorum.isLeader() {
		return errNotLeader
	}
	return writeJSON(w, c.takeReport(r))
}

func bootstrapCommand(c *call, args [][]byte, w *resp.Writer) error {
	if err := c.fromMember(membership.Sentinel, string(args[2])); err != nil {
		return err
	}
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

// forwardCommand runs a SENTINEL command on the leader, and answers with its reply and how far the log was then. It is
// not forwarded again: two sentinels that take each other for the leader must not send it back and forth.
func forwardCommand(c *call, args [][]byte, w *resp.Writer) error {
	if err := c.fromMember(membership.Sentinel, c.link.conn.Peer().Name); err != nil {
		return err
	}
	inner := args[2:]
	cmd, err := c.table.Lookup(inner)
	if err != nil {
		return err
	}
	if name := cmd.FullName(); !strings.HasPrefix(name, "sentinel|") && name != "holdfast|sentinel-remove" {
		return errors.New("only commands of operators are forwarded")
	}
	reply := resp.Writer{Proto: w.Proto}
	if err := cmd.Run(&call{Sentinel: c.Sentinel, ctx: c.ctx, link: c.link, sub: true}, inner, &reply); err != nil {
		return err
	}
	w.Array(2)
	w.Raw(reply.Buf)
	w.Int(int64(c.quorum.machine.applied.Load()))
	return nil
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
