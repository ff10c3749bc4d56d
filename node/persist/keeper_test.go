package persist_test

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/identity"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/node/store"
	"holdfast/replication"
	"holdfast/replication/aof"
)

// keeper is persistence with the data that it keeps: a master that nobody follows, and no network.
type keeper struct {
	*persist.Persistence
	t        testing.TB
	settings *config.Config
	log      *replication.Log
	engine   *engine.Engine
	env      *command.Env
	epochs   persist.Epochs
	client   *command.Context
	levels   *identity.Features
	work     sync.WaitGroup
	stop     chan struct{}
	followed bool // there is a log also where it is not kept on disk
}

// kept says where a keeper's data is, and what differs from the usual.
type kept struct {
	files  aof.FS
	dir    string
	lines  []string // settings
	logger *slog.Logger
	level  cluster.Level // that it understands; 0: the newest
}

// settingsOf are Redis's with some changed, as a configuration file has them.
func settingsOf(t testing.TB, lines ...string) *config.Config {
	t.Helper()
	s := config.Default()
	for _, l := range lines {
		name, value, _ := strings.Cut(l, " ")
		if err := s.Set(name, strings.Fields(value)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// newKeeper makes one that has loaded nothing yet.
func newKeeper(t testing.TB, in kept) *keeper {
	t.Helper()
	k := &keeper{t: t, settings: settingsOf(t, in.lines...), stop: make(chan struct{})}
	if in.logger == nil {
		in.logger = slog.New(slog.DiscardHandler)
	}
	k.levels = identity.NewFeatures(cmp.Or(in.level, cluster.LevelNow), identity.New(nil, in.logger))
	if err := k.levels.Read(); err != nil {
		t.Fatal(err)
	}
	k.log = replication.NewLog(replication.LogConfig{Position: replication.Position{ID: strings.Repeat("b", 40)},
		Limit: 1 << 20})
	k.engine = engine.New(engine.Config{
		Log: k.log, Feeder: replication.NewFeeder(replication.FeederConfig{Log: k.log, Logger: in.logger}),
		Clients: k, Disk: k, Node: k, Now: time.Now, Go: k.work.Go, Logger: in.logger,
	})
	rng := rand.New(rand.NewPCG(1, 1))
	k.env = command.NewEnv(command.EnvConfig{
		Engine: k.engine, Store: store.New(k.settings.Databases(), rng), Config: k.settings, Replication: k.asNode(),
		Logger: in.logger, Rand: rng, RunID: strings.Repeat("a", 40), Version: "test", Started: time.Now(),
	})
	k.engine.Commands = k.env
	c := persist.Config{
		Engine: k.engine, Epochs: &k.epochs, Rand: rng,
		Settings: k.settings, Logger: in.logger, Now: time.Now, Files: in.files,
		NewLock: func() engine.Locker { return new(sync.Mutex) }, Go: k.work.Go, Stopped: k.stop,
		RunID: strings.Repeat("a", 40),
		Loader: persist.NewLoader(persist.LoaderConfig{
			Settings: k.settings, Logger: in.logger, Now: time.Now, Stopped: k.stop,
			Features: k.levels}),
	}
	if in.dir != "" {
		dir, err := os.OpenRoot(in.dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dir.Close() })
		root := aof.NewRoot(dir)
		if c.Dir = &root; c.Files == nil {
			c.Files = root
		}
	}
	k.Persistence = persist.New(c)
	k.env.Persist = k.Persistence
	k.client = k.env.NewLogContext()
	k.client.Apply = false
	return k
}

// startKeeper makes one that has loaded what there is. It is to be ended.
func startKeeper(t testing.TB, in kept) *keeper {
	t.Helper()
	k := newKeeper(t, in)
	if err := k.Open(); err != nil {
		t.Fatal(err)
	}
	k.engine.Data.Loading, k.engine.Data.Partial = true, true
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	return k
}

// end ends it as a signal ends a node, without a save.
func (k *keeper) end() {
	k.t.Helper()
	close(k.stop)
	k.work.Wait()
	if err := k.Close(); err != nil {
		k.t.Error(err)
	}
}

// do runs a command and answers its reply, as it goes over the wire.
func (k *keeper) do(line string) (reply string) {
	k.t.Helper()
	c := k.client
	turn := k.engine.BeginAlone()
	c.Begin()
	c.Now = turn.Now.UnixMilli()
	k.env.Admit(c)
	var args [][]byte
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	if k.env.Execute(c, args) != command.Done {
		k.t.Fatalf("%s did not run", line)
	}
	reply = string(c.S.W.Buf)
	c.S.W.Truncate(0)
	turn.Commit()
	return strings.TrimSuffix(reply, "\r\n")
}

// digest is that of the data.
func (k *keeper) digest() (digest [20]byte) {
	k.engine.Do(func(time.Time) { digest = k.env.Store.Digest() })
	return digest
}

// info is what INFO would show.
func (k *keeper) info() (info persist.Info) {
	k.engine.Do(func(time.Time) { info = k.Info() })
	return info
}

// snapshot begins an image.
func (k *keeper) snapshot() *persist.Image {
	k.t.Helper()
	im, err := k.Snapshot(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return im.Image.(*persist.Image)
}

// What the engine asks.

func (k *keeper) ServeBlocked()                             {}
func (k *keeper) LetGo()                                    {}
func (k *keeper) Stage(woken []engine.Waker) []engine.Waker { return woken }
func (k *keeper) Spoilt(error, bool)                        {}
func (k *keeper) LeadsForSure() bool                        { return true }

func (k *keeper) Role() engine.Role {
	kept := k.Persistence != nil && k.Kept()
	return engine.Role{Master: true, Logs: kept || k.followed, Gated: kept, Gates: kept}
}

// commandNode is what commands ask of a node.
type commandNode struct {
	command.Replication
	k *keeper
}

func (k *keeper) asNode() command.Replication { return commandNode{k: k} }

func (n commandNode) SendsAway() bool                                { return false }
func (n commandNode) GoodReplicas(int64) int                         { return 0 }
func (n commandNode) Freshness(member.Confirmation) member.Freshness { return member.Fresh }

// allTypes writes a key of every type.
func (k *keeper) allTypes() {
	k.t.Helper()
	for _, line := range []string{
		"SET s v", "SET t v EX 1000", "RPUSH l a b", "SADD i 1 2", "HSET h f v", "ZADD z 1.5 m", "SELECT 3",
		"SET other db", "SELECT 0", "SPOP i", "MULTI", "INCR n", "INCR n", "EXEC",
	} {
		if reply := k.do(line); strings.HasPrefix(reply, "-") {
			k.t.Fatalf("%s: %s", line, reply)
		}
	}
}
