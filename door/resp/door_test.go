package resp

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/identity"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/node/store"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/server"
	"holdfast/server/session"
)

// testDoor is a door with what is behind it, and no network.
type testDoor struct {
	*Door
	lease *member.Lease
	end   func() // ends what runs in the background
}

// gatedMaster is that of the head of a chain of two, whose other member has acknowledged nothing yet.
func gatedMaster(t *testing.T) *testDoor {
	t.Helper()
	d, _ := newTestDoor(t, config.Default(), nil, true)
	d.log.SetChain(1, cluster.Member{Name: "b", Addr: "10.0.0.2:6379", Incarnation: "b1"}, true)
	return d
}

// newTestDoor is that of a master, whose log is kept in files, if there are some.
func newTestDoor(t *testing.T, settings *config.Config, files aof.FS, grouped bool) (*testDoor, *persist.Persistence) {
	t.Helper()
	logger, rng := slog.New(slog.DiscardHandler), rand.New(rand.NewPCG(1, 1))
	log := replication.NewLog(replication.LogConfig{Position: replication.Position{ID: strings.Repeat("b", 40)}})
	papers := identity.New(nil, logger)
	features := identity.NewFeatures(cluster.LevelNow, papers)
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	d := &testDoor{lease: member.NewLease(time.Now), end: func() { cancel(); background.Wait() }}
	t.Cleanup(cancel)
	r := member.NewReplication(member.ReplicationConfig{Context: ctx, Settings: settings, Logger: logger,
		Grouped: grouped, Log: log, Identity: papers, Features: features, Lease: d.lease})
	e := engine.New(engine.Config{Log: log, Feeder: r.Feeder, Go: background.Go, Logger: logger})
	loader := persist.NewLoader(persist.LoaderConfig{Settings: settings, Logger: logger, Now: time.Now,
		Stopped: ctx.Done(), Features: features})
	p := persist.New(persist.Config{Engine: e, Epochs: &r.Epochs, Rand: rng, Loader: loader,
		Settings: settings, Logger: logger, Now: time.Now, Go: background.Go, Stopped: ctx.Done(),
		NewLock: func() engine.Locker { return new(sync.Mutex) }, Grouped: grouped, Files: files})
	agent := member.New(ctx, member.Config{Settings: settings, Identity: papers, Features: features,
		Lease: d.lease, Logger: logger, Lock: e, Log: log, Feeder: r.Feeder, Replication: r})
	clients := server.New(server.Standalone, nil, nil)
	r.Attach(e, clients, p, agent)
	env := command.NewEnv(command.EnvConfig{Engine: e, Store: store.New(16, rng), Config: settings, Replication: r,
		Persist: p, Server: clients, Logger: logger, Rand: rng, Started: time.Now()})
	loops := netloop.New(netloop.Config{Execute: func(b []netloop.Batched) bool { return d.RunBatch(b) },
		Logger:    logger,
		Expecting: func() bool { return false }})
	t.Cleanup(func() {
		if err := loops.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Door = New(Config{Env: env, Engine: e, Replication: r, Loops: loops, Log: log, Settings: settings, Logger: logger,
		Stopped: ctx.Done(), Writers: &background})
	e.Commands, e.Clients, e.Disk, e.Node = env, d, p, r
	r.SetPlace(member.Alone(true))
	return d, p
}

// driverOf is a connection without a socket.
func driverOf(o *testDoor, id int64) *driver {
	s := session.New(id, "10.0.0.9:1", "10.0.0.1:6379", time.Now(), func() {})
	o.env.Clients.Add(s)
	return &driver{door: o.Door, s: s, ctx: o.env.NewContext(s)}
}

// do runs a pipeline, one command a line.
func (d *driver) do(lines ...string) {
	d.cmds, d.next = nil, 0
	for _, l := range lines {
		var args [][]byte
		for word := range strings.FieldsSeq(l) {
			args = append(args, []byte(word))
		}
		d.cmds = append(d.cmds, args)
	}
	d.door.run([]*driver{d})
}

// taken is what may leave at a commit point.
func (d *driver) taken(commit int64) string {
	p, _ := d.s.Out.Take(commit)
	defer d.s.Out.Done(p)
	return string(p)
}

// TestInvalidationsLeaveWithTheWrite: as long as a write isn't committed nobody is told to forget what it replaces, not
// even on another connection; once it is, all are, and never before the reply that showed the old value.
func TestInvalidationsLeaveWithTheWrite(t *testing.T) {
	const invalid = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
	n := gatedMaster(t)
	reader, listener, writer := driverOf(n, 1), driverOf(n, 2), driverOf(n, 3)
	writer.do("set k old")
	old := n.log.End()
	listener.do("hello 3")
	listener.taken(n.log.End())
	reader.do("hello 3", "client tracking on")
	reader.taken(n.log.End())
	reader.do("get k")
	redirected := driverOf(n, 4)
	redirected.do("client tracking on redirect 2", "get k")
	before := n.log.End()
	writer.do("set k new")
	write := n.log.End()
	if before == write || old == before {
		t.Fatalf("the log ends at %d, %d, %d", old, before, write)
	}
	if got := listener.taken(before); got != "" {
		t.Errorf("told before the write is committed: %q", got)
	}
	if got := reader.taken(before); got != "$3\r\nold\r\n" {
		t.Errorf("the reader gets %q", got)
	}
	if got := listener.taken(write); got != invalid {
		t.Errorf("the listener gets %q", got)
	}
	if got := reader.taken(write); got != invalid {
		t.Errorf("the reader gets %q", got)
	}
	reader.do("get k")
	reader.do("set k own", "ping")
	if got := reader.taken(n.log.End()); got != "$3\r\nnew\r\n+OK\r\n"+invalid+"+PONG\r\n" {
		t.Errorf("of its own write the reader gets %q", got)
	}
}
