package command

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// replicationRows are the commands about replication.
var replicationRows = []Command{
	{
		Name: "role", Arity: 1, Flags: resp.NoScript | always | resp.Fast | resp.Sentinel,
		Categories: resp.CatAdmin | resp.CatDangerous,
		Group:      "server", Since: "2.8.12", Complexity: "O(1)",
		Summary: "Answers the part that this server plays in replication.", Run: role,
	},
	{
		Name: "wait", Arity: 3, Flags: resp.NoScript, Categories: resp.CatConnection, Group: "generic", Since: "3.0.0",
		Complexity: "O(1)",
		Summary:    "Waits until replicas have this connection's writes.",
		Syntax:     "numreplicas:integer timeout:integer",
		Tips:       []string{"request_policy:all_shards", "response_policy:agg_min"}, Run: wait,
	},
	replicaOfRow("replicaof", "5.0.0"),
	deprecated(replicaOfRow("slaveof", "1.0.0"), "5.0.0", "`REPLICAOF`"),
	{
		Name: "replconf", Arity: -1, Flags: resp.Admin | resp.NoScript | always | resp.AllowBusy | resp.PassesPause,
		Group:      "server",
		Since:      "3.0.0",
		Complexity: "O(1)", Summary: "Tells a master about a replica, before PSYNC.", SysCmd: true, Run: replConf,
	},
	{
		Name: "psync", Arity: -3,
		Flags: resp.Admin | resp.NoScript | resp.NoAsyncLoading | resp.NoMulti | resp.PassesPause,
		Group: "server", Since: "2.8.0",
		Summary: "Turns the connection into a replica's link.", Syntax: "replicationid offset", Run: psync,
	},
	{
		Name: "sync", Arity: 1,
		Flags: resp.Admin | resp.NoScript | resp.NoAsyncLoading | resp.NoMulti | resp.PassesPause, Group: "server",
		Since:   "1.0.0",
		Summary: "Turns the connection into a replica's link, for old replicas.", Run: syncAll,
	},
	{
		Name: "failover", Arity: -1, Flags: resp.Admin | resp.NoScript | resp.Stale, Group: "server", Since: "6.2.0",
		Complexity: "O(1)",
		Summary:    "Refused: the sentinels hand over.",
		Syntax:     "[TO target=(host port [FORCE])] [ABORT] [TIMEOUT milliseconds]", Run: failover,
	},
}

func replicaOfRow(name, since string) Command {
	return Command{
		Name: name, Arity: 3, Flags: resp.Admin | resp.NoScript | resp.Stale | resp.NoAsyncLoading, Group: "server",
		Since:      since,
		Complexity: "O(1)", Summary: "Makes the server a replica of another one, or a master.",
		Syntax: "args=(host-port=(host port)|no-one=(NO ONE))", Run: replicaOf,
	}
}

func deprecated(row Command, since, by string) Command {
	row.Deprecated, row.ReplacedBy = since, by
	return row
}

func role(c *Context, _ [][]byte, w *resp.Writer) error {
	n := c.Replication.State()
	if !n.Master {
		offset := int64(-1)
		if n.LinkState == linkConnected {
			offset = n.Offset
		}
		w.Array(5)
		w.BulkString("slave")
		w.BulkString(n.MasterHost)
		w.Int(int64(n.MasterPort))
		w.BulkString(n.LinkState)
		w.Int(offset)
		return nil
	}
	w.Array(3)
	w.BulkString("master")
	w.Int(n.Offset)
	length, online := w.ArrayLater(), 0
	for _, r := range n.Replicas {
		if r.State != "online" {
			continue
		}
		online++
		w.Array(3)
		w.BulkString(r.Addr)
		w.BulkInt(int64(r.Port))
		w.BulkInt(r.Offset)
	}
	w.SetLen(length, online)
	return nil
}

const errWaitOnReplica = resp.Error("ERR WAIT cannot be used with replica instances. Please also note that since " +
	"Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just " +
	"local and are not propagated.")

func wait(c *Context, args [][]byte, w *resp.Writer) error {
	if !c.Engine.Master() {
		return errWaitOnReplica
	}
	replicas, err := intArgument(args[1])
	if err != nil {
		return err
	}
	ms, err := milliseconds(args[2])
	if err != nil {
		return err
	}
	acks := c.Replication.ReplicaAcks(c.S.WriteEnd)
	if int64(acks) >= replicas || c.InExec {
		w.Int(int64(acks))
		return nil
	}
	if ms > int64(math.MaxInt64/time.Millisecond) {
		ms = 0 // longer than can be counted is for ever
	}
	c.parkForAcks(c.S, int(min(replicas, math.MaxInt32)), time.Duration(ms)*time.Millisecond)
	return nil
}

func replicaOf(c *Context, args [][]byte, w *resp.Writer) error {
	if isWord(args[1], "no") && isWord(args[2], "one") {
		if err := c.Replication.ReplicaOf("", 0); err != nil {
			return err
		}
		c.Logger.Info("no replica any more", "by", c.S.Addr)
		w.OK()
		return nil
	}
	port, ok := resp.ParseInt(args[2])
	if !ok || port < 0 || port > math.MaxUint16 {
		return resp.Error("ERR Invalid master port")
	}
	n := c.Replication.State()
	if !n.Master && strings.EqualFold(n.MasterHost, string(args[1])) && n.MasterPort == int(port) {
		w.Simple("OK Already connected to specified master")
		return nil
	}
	if err := c.follow(string(args[1]), int(port)); err != nil {
		return err
	}
	c.Logger.Info("replica of another server now", "master", string(args[1])+":"+strconv.FormatInt(port, 10), "by",
		c.S.Addr)
	w.OK()
	return nil
}

// follow makes the node a replica of another server. Those who are blocked on a node that ceases to be a master are
// answered, and their connections end, as in Redis.
func (e *Env) follow(host string, port int) error {
	if err := e.Replication.MayBeTold(); err != nil {
		return err
	}
	defer e.Engine.StandStill()()
	for _, s := range e.Clients.All() {
		e.sendAway(s)
	}
	return e.Replication.ReplicaOf(host, port)
}

// sendAway answers a blocked client. One that has still to be told of something uncommitted gets no answer.
func (e *Env) sendAway(s *session.Session) {
	if s.Blocked() == nil || !s.Out.Idle() {
		return
	}
	e.Unblock(s, errUnblocked)
	s.Gate = 0 // that reveals nothing
	s.Close("blocked on a node that became a replica")
}

// maxReplicaHost bounds the address that a replica gives of itself.
const maxReplicaHost = 256

// replConf takes pairs. An acknowledgement gets no reply; a replica's own come over its link, not through here.
func replConf(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args)%2 == 0 {
		return ErrSyntax
	}
	r := &c.S.Replica
	for i := 1; i < len(args); i += 2 {
		option, value := args[i], args[i+1]
		switch {
		case isWord(option, "listening-port"):
			port, err := intArgument(value)
			if err != nil {
				return err
			}
			r.ListeningPort = int(port)
		case isWord(option, "ip-address"):
			if len(value) >= maxReplicaHost {
				return resp.Error("ERR REPLCONF ip-address provided by replica instance is too long: " +
					strconv.Itoa(len(value)) + " bytes")
			}
			r.IP = string(value)
		case isWord(option, "capa"):
			r.EOF = r.EOF || isWord(value, "eof")
			r.PSync2 = r.PSync2 || isWord(value, "psync2")
		case isWord(option, "ack"), isWord(option, "getack"):
			return nil
		case isWord(option, "rdb-only"):
			n, ok := resp.ParseInt(value)
			if !ok {
				return ErrNotInteger
			}
			if n < 0 || n > 1 {
				return resp.Error("ERR value is out of range, value must between 0 and 1")
			}
			r.RDBOnly = n == 1
		case isWord(option, "rdb-filter-only"): // everything is sent: who wants less leaves it
			for _, kind := range strings.Fields(cText(value)) {
				if !strings.EqualFold(kind, "functions") {
					return resp.Error("ERR Unsupported rdb-filter-only option: " + kind)
				}
			}
		case isWord(option, "holdfast"):
			if err := c.Replication.AcceptReplica(c.S, value); err != nil {
				c.S.Close("refused as a follower") // PSYNC stands behind this already, and would be anybody's
				return err
			}
			c.Stand(c.S, session.Member)
			r.Chain = bytes.Clone(value)
		case isWord(option, "confirm"):
			if err := c.Replication.ConfirmEpoch(c.S, value); err != nil {
				return err
			}
			c.Stand(c.S, session.Member)
			c.confirms = true
		default:
			return resp.Error("ERR Unrecognized REPLCONF option: " + cText(option))
		}
	}
	w.OK()
	return nil
}

func psync(c *Context, args [][]byte, _ *resp.Writer) error {
	offset, err := intArgument(args[2])
	if err != nil {
		return err
	}
	return serveReplica(c, string(args[1]), offset)
}

func syncAll(c *Context, _ [][]byte, _ *resp.Writer) error { return serveReplica(c, "", -1) }

// serveReplica turns the connection into a replica's link.
func serveReplica(c *Context, id string, offset int64) error {
	return c.Replication.ServeReplica(c.S, id, offset)
}

func failover(c *Context, args [][]byte, _ *resp.Writer) error {
	if len(args) == 2 && isWord(args[1], "abort") {
		return resp.Error("ERR No failover in progress.")
	}
	if group := c.Replication.State().Group; group != "" {
		return resp.Error("ERR the sentinels hand over: send them SENTINEL FAILOVER " + group)
	}
	return resp.Error("ERR FAILOVER needs a group governed by sentinels")
}
