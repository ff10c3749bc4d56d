package resp

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/replication"
)

// Config is what a Door is made with.
type Config struct {
	Env         *command.Env
	Engine      *engine.Engine
	Replication *member.Replication
	Loops       *netloop.Loops // serve the connections
	Log         *replication.Log
	Settings    *config.Config
	Logger      *slog.Logger
	Yields      bool            // the loops have the scheduler look at all sockets when they are told to
	Stopped     <-chan struct{} // closed when the node begins to end
	Writers     *sync.WaitGroup // goroutines that write to clients, which are waited for when nothing else runs
}

// Door lets clients in that speak Redis's protocol.
type Door struct {
	env         *command.Env
	engine      *engine.Engine
	replication *member.Replication
	loops       *netloop.Loops
	log         *replication.Log
	settings    *config.Config
	logger      *slog.Logger
	proof       member.Proof // see Introduce
	yields      bool
	stopped     <-chan struct{}
	writers     *sync.WaitGroup

	gates   engine.Gates[*driver]
	yielded atomic.Int64 // when the scheduler was last made to look at all sockets, by the engine's clock
	nextID  int64        // guarded by the execution lock
	turn    turnInHand   // likewise
	batch   []*driver    // room for those that the loops have executed; guarded by their lock
	served  []*driver    // whose replies the turn in hand has to stage; likewise
}

// New makes a door through which nobody has come yet.
func New(c Config) *Door {
	return &Door{env: c.Env, engine: c.Engine, replication: c.Replication, loops: c.Loops, log: c.Log,
		settings: c.Settings, logger: c.Logger, yields: c.Yields, stopped: c.Stopped, writers: c.Writers}
}

// Introduce says how members prove who they are. It comes before the first connection.
func (o *Door) Introduce(proof member.Proof) { o.proof = proof }
