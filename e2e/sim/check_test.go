package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"holdfast/resp"
)

// checkBatch is how many keys one MGET reads.
const checkBatch = 500

// settled checks a group at the end: it comes together, can be written to, and every member has everything.
func (g *group) settled() {
	g.t.Helper()
	g.awaitWhole()
	acked, read := g.history.writes(), g.history.answeredReads()
	g.until("new writes", 2*time.Second, func() bool { return g.history.writes() > acked+3*len(g.clients) })
	g.until("a slave that answers", 2*time.Second, func() bool { return g.history.answeredReads() > read })
	g.stopClients()
	g.story.tell("test", "%s", g.history.summary())
	chain := g.awaitWhole()
	g.readAll(chain)
	g.checkMembers(chain)
}

// checkMembers reads everything from every member.
func (g *group) checkMembers(chain []*machine) {
	g.t.Helper()
	var digests []string
	for _, m := range chain {
		g.checkKeys(m) // which may make a script known
	}
	for _, m := range chain {
		data, err := g.askLong(m.addr(), "DEBUG", "DIGEST")
		programs, errToo := g.askLong(m.addr(), "DEBUG", "DIGEST-PROGRAMS")
		if err = errors.Join(err, errToo); err != nil {
			g.story.violated("digests", "%s gives no digest: %v", m.name, err)
			continue
		}
		digests = append(digests, fmt.Sprint(data, programs))
	}
	if len(slices.Compact(slices.Clone(digests))) != 1 {
		g.story.violated("digests", "the members differ: digests %v", digests)
	}
}

// checkKeys says that a member has all that was acknowledged.
func (g *group) checkKeys(m *machine) {
	h := g.history
	for keys := range slices.Chunk(h.keys, checkBatch) {
		args := []any{"MGET"}
		for _, k := range keys {
			args = append(args, k)
		}
		v, err := g.askLong(m.addr(), args...)
		if err != nil || len(v.Elems) != len(keys) {
			g.story.violated("durability", "%s cannot be read: %v", m.name, err)
			return
		}
		for i, k := range keys {
			if e := v.Elems[i]; e.Null || string(e.Str) != h.acked[k] {
				h.lost[k] = true
				g.story.violated("durability", "%s has %q (nil: %v) for %s, acknowledged as %q", m.name, e.Str, e.Null,
					k, h.acked[k])
			}
		}
	}
	v, err := g.askLong(m.addr(), "GET", "counter")
	n, _ := strconv.ParseInt(string(v.Str), 10, 64)
	if err != nil || n < int64(h.incrAcked) || n > int64(h.incrTried) || n < h.incrMax {
		g.story.violated("durability", "%s counts %d (%v) after %d acknowledged and %d tried INCR, the largest "+
			"answer being %d", m.name, n, err, h.incrAcked, h.incrTried, h.incrMax)
	}
	v, err = g.askLong(m.addr(), "EVAL_RO", twinsScript, "0")
	if err != nil || v.Elems[0].String() != v.Elems[1].String() {
		g.story.violated("scripts", "%s has the half of a script: %v, %v", m.name, v, err)
	}
	g.checkPrograms(m)
	for name, r := range h.registers {
		v, err := g.askLong(m.addr(), "GET", name)
		n, _ := strconv.ParseInt(string(v.Str), 10, 64)
		if err != nil || n < r.floor || n > r.tried {
			g.story.violated("durability", "%s has %d for %s, known to be at least %d: %v", m.name, n, name, r.floor,
				err)
		}
	}
}

// checkPrograms says that a member knows all scripts that were acknowledged as known.
func (g *group) checkPrograms(m *machine) {
	args := []any{"SCRIPT", "EXISTS"}
	for _, script := range g.scripts.list {
		args = append(args, shaOf(script))
	}
	if len(args) == 2 {
		return
	}
	v, err := g.askLong(m.addr(), args...)
	for i, e := range v.Elems {
		if e.Int != 1 {
			g.story.violated("scripts", "%s does not know a script that was acknowledged: %s", m.name,
				g.scripts.list[i])
		}
	}
	if err != nil {
		g.story.violated("scripts", "%s does not say which scripts it knows: %v", m.name, err)
	}
}

// askLong asks again for a while: a handover that was asked for may only come now, and sends everybody away once; or a
// member that was slow, when a fault ended, leaves the chain and comes back.
func (g *group) askLong(addr string, args ...any) (v resp.Value, err error) {
	for start, tries := time.Now(), 0; ; tries++ {
		last := tries >= 10 && (g.whole() != nil || time.Since(start) > together)
		if v, err = g.ask(addr, args...); err == nil {
			return v, nil
		}
		if last {
			return v, fmt.Errorf("%v: %w", args[0], err)
		}
		g.sleep(200 * time.Millisecond)
	}
}
