package cluster

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/transport"
)

const (
	joinRetryMin    = 100 * time.Millisecond
	joinRetryMax    = 5 * time.Second
	knownRetry      = 500 * time.Millisecond // until all know where this member is
	resolvePatience = 10 * time.Second       // for the announced name, at the start
	lostForget      = time.Hour              // somebody who was away for longer must come by itself
)

// join asks seeds until somebody else is there. After that it goes on, rarely, to ask the seeds and lost members that
// it doesn't see: that is how two halves of a group find together again after a cut so long that each had given up the
// other.
//
// Those who still hold, suspect or bury an earlier start of this member at another address take no notice of where it
// is now. Therefore it asks everybody, until all who answer have it where it is: they say how they see it before they
// hear it, so it takes a round more.
func (g *Gossip) join() {
	pause, known, warned := joinRetryMin, false, false
	for {
		alone, reached := g.events.count() < 2, g.wire.dialed.Load()
		var answers atomic.Int32
		g.events.countSightings()
		if missing := g.missing(!known); len(missing) > 0 && !g.leaving.Load() {
			// Those that don't answer are expected: they may not be up yet. All at once: one that is silent is not to
			// hold up the others.
			var asked sync.WaitGroup
			var failed atomic.Bool
			for _, seed := range missing {
				asked.Go(func() {
					switch _, err := g.list.Join([]string{seed}); {
					case err == nil:
						answers.Add(1)
					case alone:
						failed.Store(true)
						g.config.Logger.Debug("gossip: nobody answered yet", "join", seed, "err", err)
					}
				})
			}
			asked.Wait()
			if !warned && failed.Load() && g.wire.dialed.Load() > reached && g.events.count() < 2 {
				warned = true
				g.config.Logger.Warn("gossip: somebody is there, but they do not understand this member, or it not "+
					"them; is their group-key another?", "join", missing)
			}
		}
		if !g.joined.Swap(true) {
			g.events.stir()
		}
		here, elsewhere := g.events.countSightings()
		known = elsewhere == 0 && (known || answers.Load() > 0 && here >= int(answers.Load()))
		switch {
		case elsewhere > 0, answers.Load() > 0 && !known:
			pause = knownRetry
		case alone:
			pause = min(2*pause, joinRetryMax)
		default:
			pause = joinRetryMax
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-g.events.lonely:
			timer.Stop()
			pause = joinRetryMin
		case <-g.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Seek has the addresses to join asked anew soon, where they lead to nobody who is known: whoever calls it misses
// somebody, who may be elsewhere by now.
func (g *Gossip) Seek() { wake(g.events.lonely) }

// Joined says whether all addresses to join have been asked once: from then on this member sees whoever they lead to.
func (g *Gossip) Joined() bool { return g.joined.Load() }

// missing lists the addresses worth asking, as literal IPs: seeds and lost members that aren't among the living. With
// all, everybody.
func (g *Gossip) missing(all bool) []string {
	present := map[string]bool{g.addr: true}
	wanted := append(g.seeds(), g.events.lostAddrs()...)
	for _, m := range g.events.others() {
		if all {
			wanted = append(wanted, m.Addr)
		} else {
			present[m.Addr] = true
		}
	}
	var missing []string
	for _, seed := range wanted {
		if !present[seed] {
			present[seed] = true
			missing = append(missing, seed)
		}
	}
	return missing
}

// seeds resolves the configured addresses, each time anew: names may point elsewhere by now.
func (g *Gossip) seeds() []string {
	var seeds []string
	for _, s := range g.config.Join {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			g.config.Logger.Warn("gossip: an address to join is not host:port", "join", s, "err", err)
			continue
		}
		ctx, cancel := context.WithTimeout(g.ctx, joinRetryMax)
		ips, err := g.config.Network.LookupIP(ctx, host)
		cancel()
		if err != nil {
			g.config.Logger.Debug("gossip: a name to join doesn't resolve yet", "join", s, "err", err)
		}
		for _, ip := range ips {
			seeds = append(seeds, net.JoinHostPort(ip.String(), port))
		}
	}
	return seeds
}

// resolveOne finds the IP of a host that may be a name, of IPv4 if it has one.
func resolveOne(network transport.Network, host string) (net.IP, error) {
	ctx, cancel := context.WithTimeout(context.Background(), resolvePatience)
	defer cancel()
	ips, err := network.LookupIP(ctx, host)
	switch {
	case err != nil:
		return nil, err
	case len(ips) == 0:
		return nil, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if i := slices.IndexFunc(ips, func(ip net.IP) bool { return ip.To4() != nil }); i >= 0 {
		return ips[i], nil
	}
	return ips[0], nil
}

// stir has the hooks of OnChange called.
func (e *gossipEvents) stir() {
	e.mu.Lock()
	e.changed = true
	e.mu.Unlock()
	wake(e.news)
}

// countSightings reports how often this member was seen where it is, and elsewhere, since the last call.
func (e *gossipEvents) countSightings() (here, elsewhere int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	here, elsewhere = e.here, e.elsewhere
	e.here, e.elsewhere = 0, 0
	return here, elsewhere
}

// lostAddrs lists where lost members were, and forgets those lost long ago.
func (e *gossipEvents) lostAddrs() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var addrs []string
	for name, m := range e.lost {
		if time.Since(m.at) > lostForget {
			delete(e.lost, name)
			continue
		}
		addrs = append(addrs, m.addr)
	}
	slices.Sort(addrs)
	return addrs
}
