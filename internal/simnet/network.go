package simnet

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Network is a set of simulated machines and the links between them. Create it inside the bubble that uses it.
type Network struct {
	mu       sync.Mutex // guards everything reachable from here; never held while waiting
	seed     uint64
	machines map[netip.Addr]*machine
	names    map[string]string // literal IPs, see Name
	links    map[direction]*link
	defaults quality
	stalled  []*flow       // wait for a cut link to open, in the order they ran into it
	changed  chan struct{} // closed and replaced when a link or a machine changes: wakes dials
	closed   bool
	started  time.Time
	trace    func(line string)
	lines    []string // traced under mu, handed to trace after unlocking
}

// machine is one IP. It outlives the processes (Host) that run on it.
type machine struct {
	ip       netip.Addr
	host     *Host // the running or last process
	down     bool  // crashed: neither sends nor receives
	isolated bool  // reaches only itself
	port     uint16
	opened   uint64 // streams so far: numbers its ends, for an order of dying that a seed repeats
}

type direction struct{ from, to netip.Addr }

func (d direction) hash() uint64 {
	h := fnv.New64a()
	for _, ip := range []netip.Addr{d.from, d.to} {
		b := ip.As16()
		h.Write(b[:])
	}
	return h.Sum64()
}

// link is one direction between two machines.
type link struct {
	from, to *machine
	cut      bool
	rng      *rand.Rand // its own, so that traffic elsewhere doesn't change what it draws
	quality
}

// quality is how well a link carries.
type quality struct {
	latency, jitter time.Duration
	loss            float64 // share of datagrams lost, 0..1
	twice           float64 // share of datagrams that come a second time, at a time of its own
}

// defaultLatency and defaultJitter are a switch between racks; a machine reaches itself in no time.
const (
	defaultLatency = 200 * time.Microsecond
	defaultJitter  = 100 * time.Microsecond
)

// New makes an empty network. Jitter and loss are drawn from seed. Links take 0.2 to 0.3 ms and lose nothing until told
// otherwise.
func New(seed uint64) *Network {
	return &Network{
		seed:     seed,
		defaults: quality{latency: defaultLatency, jitter: defaultJitter},
		machines: map[netip.Addr]*machine{},
		names:    map[string]string{},
		links:    map[direction]*link{},
		changed:  make(chan struct{}),
		started:  time.Now(),
	}
}

// Host is the running process of the machine with that literal IP, which is switched on by the first call. After Kill
// or Crash it is the dead process until Restart.
func (n *Network) Host(ip string) *Host {
	n.mu.Lock()
	defer n.unlock()
	return n.machine(ip).host
}

// Name lets all hosts find the machine with that literal IP under a name, from now on.
func (n *Network) Name(name, ip string) {
	n.mu.Lock()
	defer n.unlock()
	n.names[name] = ip
}

// Close ends the process of every machine: all blocked calls return, nothing can be opened again.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return
	}
	n.closed = true
	for _, m := range n.machines {
		m.host.end(true)
	}
	n.stalled = nil
	n.topologyChanged()
}

// Trace hands one line per event (listening, dialing, closing, faults, lost datagrams) to emit, each with the time
// since New. Lines are handed over without any lock; those of different goroutines may overtake each other. nil ends
// it.
func (n *Network) Trace(emit func(line string)) {
	n.mu.Lock()
	defer n.unlock()
	n.trace = emit
}

func (n *Network) tracef(format string, args ...any) {
	if n.trace != nil {
		at := time.Since(n.started).Seconds()
		n.lines = append(n.lines, fmt.Sprintf("%11.6f ", at)+fmt.Sprintf(format, args...))
	}
}

// unlock releases mu and then hands out what was traced under it.
func (n *Network) unlock() {
	lines, emit := n.lines, n.trace
	n.lines = nil
	n.mu.Unlock()
	if emit != nil {
		for _, line := range lines {
			emit(line)
		}
	}
}

// machine finds or switches on the machine of a literal IP. Another text is a mistake in the test.
func (n *Network) machine(ip string) *machine {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		panic(fmt.Errorf("simnet: machines have literal IPs: %w", err))
	}
	addr = addr.Unmap()
	m := n.machines[addr]
	if m == nil {
		m = &machine{ip: addr, port: firstEphemeral}
		m.host = newHost(n, m)
		n.machines[addr] = m
		if n.closed {
			m.host.dead = true
		}
		n.topologyChanged()
	}
	return m
}

func (n *Network) link(from, to *machine) *link {
	d := direction{from.ip, to.ip}
	l := n.links[d]
	if l == nil {
		l = &link{from: from, to: to, rng: rand.New(rand.NewPCG(n.seed, d.hash()))}
		if from != to {
			l.quality = n.defaults
		}
		n.links[d] = l
	}
	return l
}

// blocked reports whether nothing passes at this moment.
func (l *link) blocked() bool {
	if l.from.down || l.to.down {
		return true
	}
	return l.from != l.to && (l.cut || l.from.isolated || l.to.isolated)
}

// delay draws the time that the next thing on the link takes.
func (l *link) delay() time.Duration {
	d := l.latency
	if l.jitter > 0 {
		d += time.Duration(l.rng.Int64N(int64(l.jitter) + 1))
	}
	return d
}

// topologyChanged wakes dials and sets flows going again whose link has opened.
func (n *Network) topologyChanged() {
	close(n.changed)
	n.changed = make(chan struct{})
	waiting := n.stalled
	n.stalled = nil
	for _, f := range waiting {
		f.stalled = false
		f.resume()
	}
}
