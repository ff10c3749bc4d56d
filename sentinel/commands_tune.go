package sentinel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/resp"
)

// forwardPatience bounds a command that the leader has to execute.
const forwardPatience = 3 * time.Second

// onLeader runs a command here if this sentinel leads, and has the leader run it otherwise.
func (c *call) onLeader(args [][]byte, w *resp.Writer, run func() error) error {
	if c.quorum.isLeader() {
		return run()
	}
	leader := c.quorum.leader()
	addr, ok := c.sentinelAddr(leader)
	if leader == "" || leader == c.id || !ok || c.sub {
		return resp.Error("NOQUORUM The sentinels have no leader now, try again")
	}
	ctx, cancel := context.WithTimeout(c.ctx, forwardPatience)
	defer cancel()
	client, err := c.dialSentinel(ctx, addr)
	if err != nil {
		return fmt.Errorf("leading sentinel: %w", err)
	}
	// The reply is all that was wanted.
	defer func() { _ = client.Close() }()
	words := []any{"HOLDFAST", "FORWARD"}
	for _, arg := range args {
		words = append(words, arg)
	}
	v, err := client.Do(ctx, words...)
	if err != nil {
		return err
	}
	w.Simple(v.String())
	return nil
}

const errDuplicate = resp.Error("ERR Duplicate master name.")

// propose commits an entry on behalf of a client; conflict is the reply when it changed nothing.
func (c *call) propose(e Entry, conflict error, w *resp.Writer) error {
	result, err := c.quorum.propose(e)
	if err != nil {
		return err
	}
	if result.Conflict {
		return conflict
	}
	w.OK()
	return nil
}

func monitor(c *call, args [][]byte, w *resp.Writer) error {
	quorum, ok := resp.ParseInt(args[5])
	port, portOK := resp.ParseInt(args[4])
	switch {
	case !ok:
		return resp.Error("ERR Invalid quorum")
	case !portOK || port < 0 || port > 65535:
		return resp.Error("ERR Invalid port number")
	case quorum <= 0:
		return resp.Error("ERR Quorum must be 1 or greater.")
	}
	settings := c.cfg.settings()
	settings.Quorum = int(quorum)
	return c.onLeader(args, w, func() error {
		return c.propose(Entry{Monitor: &Monitor{Group: string(args[2]), Settings: settings}}, errDuplicate, w)
	})
}

func remove(c *call, args [][]byte, w *resp.Writer) error {
	return c.onLeader(args, w, func() error {
		return c.propose(Entry{Ignore: &Ignore{Group: string(args[2])}}, errNoSuchGroup, w)
	})
}

// setOptions is SENTINEL SET. What it changes is agreed on by all sentinels. Passwords for nodes are taken and not needed, since
// it is the nodes that connect; scripts are refused.
func setOptions(c *call, args [][]byte, w *resp.Writer) error {
	name := string(args[2])
	c.mu.Lock()
	g, exists := c.state.group(name)
	c.mu.Unlock()
	if !exists {
		return errNoSuchGroup
	}
	t := Tune{Group: name}
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		option := strings.ToLower(string(rest[0]))
		if len(rest) < 2 {
			return resp.Error("ERR Unknown option or number of arguments for SENTINEL SET '" + string(rest[0]) + "'")
		}
		if option == "auth-pass" || option == "auth-user" || option == "master-reboot-down-after-period" {
			continue
		}
		known, err := t.option(option, rest[1])
		if err != nil {
			return err
		}
		if !known {
			return resp.Error("ERR Unknown option or number of arguments for SENTINEL SET '" + string(rest[0]) + "'")
		}
	}
	return c.onLeader(args, w, func() error {
		if err := c.propose(Entry{Tune: &t}, errNoSuchGroup, w); err != nil {
			return err
		}
		c.mu.Lock()
		master := masterPayload(name, c.masterAddr(g.Name))
		c.mu.Unlock()
		for rest := args[3:]; len(rest) >= 2; rest = rest[2:] {
			c.hub.publish("+set", master+" "+string(rest[0])+" "+string(rest[1]))
		}
		return nil
	})
}

// option takes one option into the change.
func (t *Tune) option(name string, value []byte) (known bool, err error) {
	n, number := resp.ParseInt(value)
	ok := number && n > 0
	switch name {
	case "down-after-milliseconds":
		ok = ok && n >= minDownAfter.Milliseconds()
		t.DownAfterMs = &n
	case "failover-timeout":
		t.FailoverTimeoutMs = &n
	case "quorum":
		q := int(n)
		t.Quorum = &q
	case "chain-slow-timeout":
		ok = number && n >= 0
		t.ChainSlowMs = &n
	case "parallel-syncs":
		p := int(n)
		t.ParallelSyncs = &p
	default:
		return false, nil
	}
	if !ok {
		return true, resp.Error("ERR Invalid argument '" + string(value) + "' for SENTINEL SET '" + name + "'")
	}
	return true, nil
}

// config is SENTINEL CONFIG. A sentinel is configured by its command line; what can be read is what Redis shows.
func config(c *call, args [][]byte, w *resp.Writer) error {
	if strings.EqualFold(string(args[2]), "set") {
		return resp.Error("ERR Invalid argument '" + string(args[3]) + "' to SENTINEL CONFIG SET: sentinels are configured at their start")
	}
	if !strings.EqualFold(string(args[2]), "get") {
		return resp.Error("ERR Only SENTINEL CONFIG GET <param> / SET <param> <value> are supported.")
	}
	host, port := splitAddr(c.addr)
	all := []string{
		"resolve-hostnames", "no", "announce-hostnames", "no", "announce-ip", host, "announce-port", port,
		"sentinel-user", "", "sentinel-pass", "", "loglevel", "notice",
	}
	var f fields
	for i := 0; i < len(all); i += 2 {
		for _, pattern := range args[3:] {
			if resp.Match(pattern, []byte(all[i]), true) {
				f.add(all[i], all[i+1])
				break
			}
		}
	}
	f.write(w)
	return nil
}
