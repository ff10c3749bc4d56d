package sentinel

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// forwardPatience bounds a command that the leader has to execute.
const forwardPatience = 3 * time.Second

// leaderRetry is the pause between two looks for a leader.
const leaderRetry = 50 * time.Millisecond

// onLeader runs a command here if this sentinel leads, and has the leader run it otherwise. Its answer is given when
// what it changed holds here: operators go on with the next command at once, to this sentinel too. Where the leader has
// just died another is waited for.
func (c *call) onLeader(args [][]byte, w *resp.Writer, run func() error) error {
	client, err := c.dialLeader()
	if err != nil {
		return err
	}
	if client == nil {
		return run()
	}
	ctx, cancel := context.WithTimeout(c.ctx, forwardPatience)
	defer cancel()
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
	if len(v.Elems) == 2 {
		if err := c.quorum.await(ctx, uint64(v.Elems[1].Int)); err != nil {
			return fmt.Errorf("it is agreed on, and this sentinel has not learned of it yet: %w", err)
		}
		v = v.Elems[0]
	}
	w.Simple(v.String())
	return nil
}

// dialLeader is a way to the leader, nil if that is this sentinel.
func (c *call) dialLeader() (*resp.Client, error) {
	ctx, cancel := context.WithTimeout(c.ctx, forwardPatience)
	defer cancel()
	for {
		if c.quorum.isLeader() {
			return nil, nil
		}
		err := error(errNoLeader)
		leader := c.quorum.leader()
		if addr, ok := c.sentinelAddr(leader); leader != "" && leader != c.id && ok && !c.sub {
			var client *resp.Client
			if client, err = c.dialSentinel(ctx, leader, addr); err == nil {
				return client, nil
			}
			err = fmt.Errorf("leading sentinel: %w", err)
		}
		if c.sub { // who passed it on looks again
			return nil, err
		}
		select {
		case <-time.After(leaderRetry):
		case <-ctx.Done():
			return nil, err
		}
	}
}

const errNoLeader = resp.Error("NOQUORUM The sentinels have no leader now, try again")

const errDuplicate = resp.Error("ERR Duplicate master name.")

// propose commits an entry on behalf of a client; conflict is the reply when it changed nothing.
func (c *call) propose(e plan.Entry, conflict error, w *resp.Writer) error {
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
	case !portOK:
		return resp.Error("ERR Invalid port")
	case quorum <= 0:
		return resp.Error("ERR Quorum must be 1 or greater.")
	case port < 0 || port > 65535:
		return resp.Error("ERR Invalid port number.")
	}
	settings := c.cfg.settings()
	settings.Quorum = int(quorum)
	return c.onLeader(args, w, func() error {
		return c.propose(plan.Entry{Monitor: &plan.Monitor{Group: string(args[2]), Settings: settings}}, errDuplicate,
			w)
	})
}

func remove(c *call, args [][]byte, w *resp.Writer) error {
	return c.onLeader(args, w, func() error {
		return c.propose(plan.Entry{Ignore: &plan.Ignore{Group: string(args[2])}}, errNoSuchGroup, w)
	})
}

// setOptions is SENTINEL SET. What it changes is agreed on by all sentinels. Passwords for nodes are taken and not
// needed, since it is the nodes that connect; scripts are refused.
func setOptions(c *call, args [][]byte, w *resp.Writer) error {
	name := string(args[2])
	c.mu.Lock()
	g, exists := c.state.Group(name)
	c.mu.Unlock()
	if !exists {
		return errNoSuchGroup
	}
	t := plan.Tune{Group: name}
	for rest := args[3:]; len(rest) > 0; rest = rest[optionWords(rest[0]):] {
		option := strings.ToLower(string(rest[0]))
		if len(rest) < optionWords(rest[0]) {
			return resp.Error("ERR Unknown option or number of arguments for SENTINEL SET '" + string(rest[0]) + "'")
		}
		switch option {
		case "auth-pass", "auth-user", "master-reboot-down-after-period", "rename-command":
			continue
		case "notification-script", "client-reconfig-script":
			return resp.Error("ERR Reconfiguration of scripts path is denied for security reasons. Check the " +
				"deny-scripts-reconfig configuration directive in your Sentinel configuration")
		}
		known, err := setOption(&t, option, rest[1])
		if err != nil {
			return err
		}
		if !known {
			return resp.Error("ERR Unknown option or number of arguments for SENTINEL SET '" + string(rest[0]) + "'")
		}
	}
	return c.onLeader(args, w, func() error {
		if err := c.reach(plan.Entry{Tune: &t}.Needs()); err != nil {
			return err
		}
		if err := c.propose(plan.Entry{Tune: &t}, errNoSuchGroup, w); err != nil {
			return err
		}
		c.mu.Lock()
		master := masterPayload(name, c.masterAddr(g.Name))
		c.mu.Unlock()
		for rest := args[3:]; len(rest) > 0; rest = rest[optionWords(rest[0]):] {
			c.front.publish("+set", master+" "+string(bytes.Join(rest[:optionWords(rest[0])], []byte(" "))))
		}
		return nil
	})
}

// optionWords is how many words an option of SENTINEL SET is, with its name.
func optionWords(name []byte) int {
	if resp.IsWord(name, "rename-command") {
		return 3
	}
	return 2
}

// setOption takes one option into the change.
func setOption(t *plan.Tune, name string, value []byte) (known bool, err error) {
	n, number := resp.ParseInt(value)
	ok := number && n > 0
	switch name {
	case "down-after-milliseconds":
		ok = ok && n >= plan.MinDownAfter.Milliseconds()
		t.DownAfterMs = &n
	case "failover-timeout":
		t.FailoverTimeoutMs = &n
	case "quorum":
		q := int(n)
		t.Quorum = &q
	case "chain-slow-timeout":
		ok = number && n >= 0
		t.ChainSlowMs = &n
	case "busy-command-timeout":
		ok = number && n >= 0
		t.BusyCommandMs = &n
	case "feature-level":
		ok = number && n >= 0 && n <= int64(cluster.LevelNow)
		level := cluster.Level(n)
		t.FeatureLevel = &level
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
	set := resp.IsWord(args[2], "set") && len(args) == 5
	if !set && !(resp.IsWord(args[2], "get") && len(args) == 4) {
		return resp.Error("ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.")
	}
	host, port := splitAddr(c.addr)
	all := []string{
		"resolve-hostnames", "no", "announce-hostnames", "no", "announce-ip", host, "announce-port", port,
		"sentinel-user", "", "sentinel-pass", "",
	}
	if set {
		err := "ERR Invalid argument '" + resp.Text(args[3]) + "' to SENTINEL CONFIG SET"
		for i := 0; i < len(all); i += 2 {
			if resp.IsWord(args[3], all[i]) {
				err += ": sentinels are configured at their start"
			}
		}
		return resp.Error(err)
	}
	var f fields
	for i := 0; i < len(all); i += 2 {
		if resp.Match(args[3], []byte(all[i]), true) {
			f.add(all[i], all[i+1])
		}
	}
	f.write(w)
	return nil
}
