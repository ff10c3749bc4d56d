package simnet

import (
	"fmt"
	"strings"
	"time"
)

// Cut stops everything between two machines, both ways.
func (n *Network) Cut(a, b string) {
	n.change(fmt.Sprintf("cut %s <-> %s", a, b), func() {
		n.between(a, b, func(l *link) { l.cut = true })
	})
}

// CutOneWay stops what from sends to to; the other way stays open.
func (n *Network) CutOneWay(from, to string) {
	n.change(fmt.Sprintf("cut %s -> %s", from, to), func() {
		n.link(n.machine(from), n.machine(to)).cut = true
	})
}

// Heal undoes Cut and CutOneWay between two machines.
func (n *Network) Heal(a, b string) {
	n.change(fmt.Sprintf("heal %s <-> %s", a, b), func() {
		n.between(a, b, func(l *link) { l.cut = false })
	})
}

// Isolate cuts a machine off from all others, also from those switched on later.
func (n *Network) Isolate(host string) {
	n.change("isolate "+host, func() { n.machine(host).isolated = true })
}

// Rejoin undoes Isolate. Cuts between single machines stay.
func (n *Network) Rejoin(host string) {
	n.change("rejoin "+host, func() { n.machine(host).isolated = false })
}

// Partition cuts every pair of machines that are in different sides.
func (n *Network) Partition(sides ...[]string) {
	var text []string
	for _, side := range sides {
		text = append(text, strings.Join(side, ","))
	}
	n.change("partition "+strings.Join(text, " | "), func() {
		for i, side := range sides {
			for _, other := range sides[i+1:] {
				for _, a := range side {
					for _, b := range other {
						n.between(a, b, func(l *link) { l.cut = true })
					}
				}
			}
		}
	})
}

// HealAll undoes every Cut, CutOneWay, Partition and Isolate. Latency, loss and dead hosts stay.
func (n *Network) HealAll() {
	n.change("heal all", func() {
		for _, l := range n.links {
			l.cut = false
		}
		for _, m := range n.machines {
			m.isolated = false
		}
	})
}

// SetLatency sets how long everything takes between two machines, either way: latency, plus up to jitter. It holds for
// what is sent from now on. A machine's way to itself takes no time unless a and b are the same.
func (n *Network) SetLatency(a, b string, latency, jitter time.Duration) {
	n.change(fmt.Sprintf("latency %s <-> %s %v+%v", a, b, latency, jitter), func() {
		n.between(a, b, func(l *link) { l.latency, l.jitter = latency, jitter })
	})
}

// SetDefaultLatency is SetLatency between all pairs of different machines, existing or to come.
func (n *Network) SetDefaultLatency(latency, jitter time.Duration) {
	n.change(fmt.Sprintf("latency %v+%v", latency, jitter), func() {
		n.defaults.latency, n.defaults.jitter = latency, jitter
		for _, l := range n.links {
			if l.from != l.to {
				l.latency, l.jitter = latency, jitter
			}
		}
	})
}

// SetLoss sets the share (0..1) of datagrams lost between two machines, either way.
func (n *Network) SetLoss(a, b string, share float64) {
	n.change(fmt.Sprintf("loss %s <-> %s %g", a, b, share), func() {
		n.between(a, b, func(l *link) { l.loss = share })
	})
}

// SetDefaultLoss is SetLoss between all pairs of different machines, existing or to come.
func (n *Network) SetDefaultLoss(share float64) {
	n.change(fmt.Sprintf("loss %g", share), func() {
		n.defaults.loss = share
		for _, l := range n.links {
			if l.from != l.to {
				l.loss = share
			}
		}
	})
}

// SetDefaultDuplication sets the share (0..1) of datagrams that come twice between all pairs of different machines,
// existing or to come.
func (n *Network) SetDefaultDuplication(share float64) {
	n.change(fmt.Sprintf("duplication %g", share), func() {
		n.defaults.twice = share
		for _, l := range n.links {
			if l.from != l.to {
				l.twice = share
			}
		}
	})
}

func (n *Network) change(line string, apply func()) {
	n.mu.Lock()
	defer n.unlock()
	n.tracef("%s", line)
	apply()
	n.topologyChanged()
}

func (n *Network) between(a, b string, apply func(*link)) {
	x, y := n.machine(a), n.machine(b)
	apply(n.link(x, y))
	apply(n.link(y, x))
}
