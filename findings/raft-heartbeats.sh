#!/bin/sh
# hashicorp/raft v1.8.0: the leader's heartbeats carry no commit index, so followers do not learn from them that an entry is committed.
#
# In the paper heartbeats are AppendEntries without entries, and AppendEntries carry leaderCommit. Here they are made once for a
# leader's term, with the term alone; that an entry is committed is told with the next entry, or when CommitTimeout has passed
# (50 ms by default). So CommitTimeout is no mere tuning: with a large one, say to have an idle group wake up less often, a follower
# that hears its leader ten times a second does not apply the last entry until there is another.
#
# Three members in memory agree on an entry and, three seconds later, on another, with a CommitTimeout of an hour.
# Needs Go 1.25 and a module proxy. Exits with 1 when the library behaves otherwise.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'G'
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hashicorp/raft"
)

// nothing is a state machine without a state.
type nothing struct{}

func (nothing) Apply(*raft.Log) any                     { return nil }
func (nothing) Snapshot() (raft.FSMSnapshot, error)     { return nothing{}, nil }
func (nothing) Restore(rc io.ReadCloser) error          { return rc.Close() }
func (nothing) Persist(sink raft.SnapshotSink) error    { return sink.Close() }
func (nothing) Release()                                {}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

func main() {
	var members []*raft.Raft
	var transports []*raft.InmemTransport
	var servers []raft.Server
	for i := range 3 {
		addr, t := raft.NewInmemTransport(raft.ServerAddress(fmt.Sprint("member-", i)))
		transports = append(transports, t)
		servers = append(servers, raft.Server{ID: raft.ServerID(addr), Address: addr})
	}
	for i, t := range transports {
		for j, o := range transports {
			if i != j {
				t.Connect(servers[j].Address, o)
			}
		}
		c := raft.DefaultConfig()
		c.LocalID, c.LogOutput = servers[i].ID, io.Discard
		c.CommitTimeout = time.Hour
		store := raft.NewInmemStore()
		must(raft.BootstrapCluster(c, store, store, raft.NewInmemSnapshotStore(), t, raft.Configuration{Servers: servers}))
		r, err := raft.NewRaft(c, nothing{}, store, store, raft.NewInmemSnapshotStore(), t)
		must(err)
		members = append(members, r)
	}
	leader := (*raft.Raft)(nil)
	for leader == nil {
		time.Sleep(10 * time.Millisecond)
		for _, r := range members {
			if r.State() == raft.Leader {
				leader = r
			}
		}
	}
	// look prints what each member knows, and answers whether the followers know all that is committed.
	look := func(when string) (known bool) {
		known = true
		fmt.Println(when)
		for _, r := range members {
			fmt.Printf("  %-9s last entry %d, committed %d, heard of the leader %v ago\n", r.State(), r.LastIndex(), r.CommitIndex(), heard(r))
			known = known && r.CommitIndex() == leader.CommitIndex()
		}
		return known
	}
	must(leader.Apply([]byte("one"), 0).Error())
	time.Sleep(3 * time.Second)
	first := look("three seconds after one entry was committed:")
	index := leader.CommitIndex()
	must(leader.Apply([]byte("two"), 0).Error())
	time.Sleep(3 * time.Second)
	second := look("three seconds after another one was:")
	for _, r := range members {
		if r.CommitIndex() < index || r.LastIndex() != leader.LastIndex() || r.State() != raft.Leader && heard(r) > time.Second {
			fmt.Println("a follower does not even know the first, has not all entries, or does not hear the leader")
			os.Exit(1)
		}
	}
	if first || second {
		fmt.Println("the heartbeats told the followers")
		os.Exit(1)
	}
}

// heard is how long ago a follower heard of the leader.
func heard(r *raft.Raft) time.Duration {
	if r.State() == raft.Leader {
		return 0
	}
	return time.Since(r.LastContact()).Round(time.Millisecond)
}
G
cat >go.mod <<'M'
module finding

go 1.25.0

require github.com/hashicorp/raft v1.8.0
M
export GOFLAGS=-mod=mod GOWORK=off
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 2; }
go list -m github.com/hashicorp/raft
go run .
