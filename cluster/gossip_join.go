package cluster

import (
	"context"
	"net"
	"slices"
	"time"

	"holdfast/transport"
)

const (
	joinRetryMin    = 100 * time.Millisecond
	joinRetryMax    = 5 * time.Second
	clashRetry      = 500 * time.Millisecond // while an earlier start of this member still holds its name elsewhere
	resolvePatience = 10 * time.Second       // for the announced name, at the start
	lostForget      = time.Hour              // somebody who was away for longer must come by itself
)

// join asks seeds until somebody else is there. After that it goes on, rarely, to ask the seeds and lost members that it doesn't see:
// that is how two halves of a group find together again after a cut so long that each had given up the other.
func (g *Gossip) join() {
	pause, clashed := joinRetryMin, false
	for {
		alone := g.events.count() < 2
		if missing := g.missing(clashed); len(missing) > 0 && !g.leaving.Load() {
			// Those that don't answer are expected: they may not be up yet.
			if _, err := g.list.Join(missing); err != nil && alone {
				g.config.Logger.Debug("gossip: nobody answered yet", "join", missing, "err", err)
			}
		}
		clashed = g.events.takeClash()
		switch {
		case clashed:
			pause = clashRetry
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

// missing lists the addresses worth asking, as literal IPs: seeds and lost members that aren't among the living. With all, everybody.
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

// takeClash reports whether somebody else held our name since the last call.
func (e *gossipEvents) takeClash() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	clashed := e.clashed
	e.clashed = false
	return clashed
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
