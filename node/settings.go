package node

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"

	"holdfast/internal/openfiles"
)

// onSettings has the settings that other parts keep a copy of follow CONFIG SET.
func (n *Node) onSettings() {
	n.settings.OnChange("repl-backlog-size", func(_, _ string) error {
		n.log.SetLimits(n.settings.ReplBacklogSize(), 0)
		return nil
	})
	n.settings.OnChange("maxmemory", func(_, _ string) error {
		n.limitHeap()
		return nil
	})
	n.limitHeap()
	n.settings.OnChange("maxclients", func(_, _ string) error {
		want := n.settings.MaxClients()
		if fit, err := n.fitClients(); err != nil || fit < want {
			return openfiles.TooMany(fit)
		}
		return nil
	})
	n.settings.OnChange("appendonly", func(_, now string) error {
		defer n.engine.NoteRole()
		return n.persist.Keep(now == "yes")
	})
	n.settings.OnChange("ack-mode", func(_, _ string) error {
		n.replication.AckModeChanged()
		return nil
	})
	n.settings.OnChange("replica-read", func(_, _ string) error {
		n.replication.ReplicaReadChanged()
		return nil
	})
	for _, fixed := range []string{"port", "bind"} {
		n.settings.OnChange(fixed, func(_, _ string) error { return errFixed })
	}
	n.settings.OnChange("dir", func(_, now string) error { return n.staysIn(now) })
}

// staysIn refuses another directory than the one that the node has locked, and has its files in.
func (n *Node) staysIn(dir string) error {
	if n.env.Process.Stat == nil {
		return errDirFixed
	}
	there, err := n.env.Process.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("No such file or directory")
	case err != nil:
		return err
	case !there.IsDir():
		return errors.New("Not a directory")
	case n.dir == nil:
		return errDirFixed
	}
	if here, err := n.dir.Stat("."); err != nil || !os.SameFile(here, there) {
		return errDirFixed
	}
	return nil
}

var errDirFixed = errors.New(
	"The node keeps its directory, which it has locked, while it runs: restart it with another --dir")

var errFixed = errors.New("Unable to listen on this port while the node runs: restart it")

// memberReserve is how many more descriptors than one alone a member of a group needs: links to the sentinels, its
// predecessor and those who follow it, gossip, and who is about to introduce itself.
const memberReserve = 16

// fitClients is how many clients, up to maxclients, there are descriptors for.
func (n *Node) fitClients() (int, error) {
	reserve := openfiles.Reserve
	if n.grouped {
		reserve += memberReserve
	}
	return openfiles.Fit(n.env.Process.OpenFiles, n.settings.MaxClients(), reserve, n.logger)
}

// limitClients lowers maxclients to what there are descriptors for.
func (n *Node) limitClients() error {
	fit, err := n.fitClients()
	if err == nil && fit < n.settings.MaxClients() {
		err = n.settings.Set("maxclients", []string{strconv.Itoa(fit)})
	}
	if err != nil {
		return fmt.Errorf("maxclients: %w", err)
	}
	return nil
}

// heapLimit is what the runtime is told not to let the heap grow over by garbage, for a limit on data: more than data
// and the room between entries can take, so that the collector never works in vain. 0: no limit.
func heapLimit(maxmemory int64) int64 {
	const spare = 64 << 20
	if maxmemory <= 0 || maxmemory > math.MaxInt64/2-spare {
		return math.MaxInt64
	}
	return maxmemory + maxmemory/2 + spare
}

// limitHeap has the runtime follow maxmemory.
func (n *Node) limitHeap() {
	if set := n.env.Process.LimitHeap; set != nil {
		set(heapLimit(n.settings.MaxMemory()))
	}
}
