package sentinel

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"holdfast/cluster"
	"holdfast/internal/openfiles"
	"holdfast/internal/steps"
	"holdfast/internal/usage"
	"holdfast/membership"
	"holdfast/sentinel/plan"
	"holdfast/transport"
)

// Config is everything a sentinel is told. Default has the values for what may be left out.
type Config struct {
	Bind       string // address to listen on; empty is all of them
	Port       int    // for clients, nodes and other sentinels
	RaftPort   int    // for the agreement among sentinels
	GossipPort int    // for finding each other
	// by which members prove themselves to each other; empty: RequirePass, or, on loopback only, nothing
	GroupKey string
	Insecure bool // insecure-group: no key is needed where other machines can reach it

	AnnounceIP   string   // the address others are told; never guessed from a socket
	AnnouncePort int      // the client port others are told, Port when 0
	Join         []string // gossip addresses of anybody who is there already

	BootstrapExpect int           // how many sentinels must see each other before they begin
	DownAfter       time.Duration // of groups that have no setting of their own
	FailoverTimeout time.Duration // likewise
	ChainSlow       time.Duration // likewise; how long a slow member may hold up the chain, 0: for ever
	BusyCommand     time.Duration // likewise; how long one command may run before its member is taken out, 0: for ever
	Quorum          int           // likewise; what clients are shown, decisions take a majority anyway

	RequirePass string // clients must give it

	Process Process // of the operating system, for INFO

	Level cluster.Level // the newest feature level that it understands

	MaxClients int             // most clients at once, beside nodes, sentinels and a few administrators on this machine
	OpenFiles  openfiles.Limit // nil: no limit

	Storage *Storage // what survives a restart, see OpenStorage and NewMemoryStorage
	Network transport.Network
	Logger  *slog.Logger
	Rand    *rand.Rand       // ids
	Clock   func() time.Time // a clock that only goes forward, at a rate that may differ a little from the nodes'
	Steps   steps.Observer   // nil ok
}

// Process is what INFO tells of the running process.
type Process struct {
	Executable string
	Usage      *usage.Meter // nil: not known
}

// Default is the configuration of a sentinel that was told nothing. Storage is still to be set.
func Default() Config {
	return Config{
		Port:            26379,
		RaftPort:        27379,
		GossipPort:      28379,
		AnnounceIP:      "127.0.0.1",
		BootstrapExpect: 3,
		DownAfter:       time.Second,
		FailoverTimeout: 10 * time.Second,
		ChainSlow:       5 * time.Second,
		BusyCommand:     cluster.DefaultBusyCommand,
		Quorum:          2,
		MaxClients:      10000,
		Level:           cluster.LevelNow,
		Network:         transport.Host{},
		Logger:          slog.Default(),
		Clock:           time.Now,
		Rand:            rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}
}

// Validate reports the first setting that cannot work.
func (c Config) Validate() error {
	switch {
	case c.Storage == nil:
		return errors.New("sentinel: no storage")
	case c.Network == nil || c.Logger == nil || c.Rand == nil || c.Clock == nil:
		return errors.New("sentinel: network, logger, rand and clock must be set")
	case c.AnnounceIP == "":
		return errors.New("sentinel: an address to announce is needed (announce-ip)")
	case c.BootstrapExpect < 1:
		return errors.New("sentinel: bootstrap-expect must be at least 1")
	case c.DownAfter < plan.MinDownAfter:
		return fmt.Errorf("sentinel: down-after-milliseconds must be at least %d", plan.MinDownAfter.Milliseconds())
	case c.FailoverTimeout <= 0:
		return errors.New("sentinel: failover-timeout must be positive")
	case c.ChainSlow < 0:
		return errors.New("sentinel: chain-slow-timeout must not be negative")
	case c.MaxClients < 1:
		return errors.New("sentinel: maxclients must be at least 1")
	case c.BusyCommand < 0:
		return errors.New("sentinel: busy-command-timeout must not be negative")
	case c.Level < cluster.LevelBase:
		return fmt.Errorf("sentinel: its feature level must be at least %d", cluster.LevelBase)
	case c.Quorum < 1:
		return errors.New("sentinel: quorum must be at least 1")
	}
	if host, exposed := membership.Exposed(c.Bind, c.AnnounceIP); exposed && c.secret() == "" && !c.Insecure {
		return fmt.Errorf("sentinel: %w", membership.KeyNeeded(host))
	}
	return nil
}

// secret is what members prove themselves with.
func (c Config) secret() string { return cmp.Or(c.GroupKey, c.RequirePass) }

// settings are those of a group nobody has set anything for.
func (c Config) settings() cluster.Settings {
	return cluster.Settings{
		DownAfterMs:       c.DownAfter.Milliseconds(),
		FailoverTimeoutMs: c.FailoverTimeout.Milliseconds(),
		Quorum:            c.Quorum,
		ParallelSyncs:     1,
		ChainSlowMs:       c.ChainSlow.Milliseconds(),
		BusyCommandMs:     c.BusyCommand.Milliseconds(),
	}
}

func (c Config) listenAddr(port int) string { return net.JoinHostPort(c.Bind, strconv.Itoa(port)) }

func (c Config) announce(port int) string { return net.JoinHostPort(c.AnnounceIP, strconv.Itoa(port)) }

// randomID is 40 hex digits, the form of Redis's run ids.
func randomID(rng *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%08x", rng.Uint64(), rng.Uint64(), rng.Uint32())
}

// splitAddr cuts an announced address; a malformed one is all host.
func splitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, "0"
	}
	return host, port
}

// memberReserve is how many more descriptors than a server alone a sentinel needs: for nodes, other sentinels, Raft and
// gossip.
const memberReserve = 16

// fitClients lowers maxclients to what there are file descriptors for.
func (c *Config) fitClients() (err error) {
	c.MaxClients, err = openfiles.Fit(c.OpenFiles, c.MaxClients, openfiles.Reserve+memberReserve, c.Logger)
	return err
}
