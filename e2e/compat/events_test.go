package compat

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestEvents compares the keyspace events that the commands give rise to.
func TestEvents(t *testing.T) {
	p := newPair(t)
	p.listens = true
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	rounds := (knob(t, "COMPAT_ROUNDS", defaultRounds) + 1) / 2
	t.Logf("COMPAT_SEED=%d COMPAT_ROUNDS=%d", first, rounds)
	for seed := first; seed < first+rounds; seed++ {
		ops := generate(seed, roundLength)
		done, err := p.run(ops)
		if err != nil {
			t.Fatalf("seed %d, operation %d of %d: %s", seed, done, len(ops), explain(p, ops[:done], err))
		}
	}
}

// listen subscribes a connection of its own to all events of each server.
func (p *pair) listen() error {
	for i, addr := range p.addr {
		if _, err := p.conns[i][0].do("CONFIG", "SET", "notify-keyspace-events", "KEAmn"); err != nil {
			return err
		}
		c, err := dial(addr)
		if err != nil {
			return err
		}
		p.ears[i] = c
		if _, err := c.do("PSUBSCRIBE", "__key*"); err != nil {
			return err
		}
	}
	return nil
}

// sameEvents compares what the last operation was told of. Where keys expire in the order of an iteration, theirs
// doesn't matter; nor does the order in which SORT looks up what the elements of a set weigh.
func (p *pair) sameEvents(o op) error {
	var heard [2][]string
	for i, c := range p.ears {
		if err := c.send([]string{"PING"}); err != nil {
			return err
		}
		for {
			r, err := c.receive()
			if err != nil {
				return err
			}
			if len(r.elems) < 4 { // the answer to PING: everything was heard
				break
			}
			heard[i] = append(heard[i], fmt.Sprintf("%s: %q", r.elems[2].text, r.elems[3].text))
		}
		name := commandName(o.args)
		if name == "scan" {
			// With TYPE an expired key is missed, unless the iteration that comes first has deleted it.
			heard[i] = slices.DeleteFunc(heard[i], func(line string) bool { return strings.Contains(line, "keymiss") })
		}
		if cursorAt(name) > 0 || name == "randomkey" || isSort(name) {
			slices.Sort(heard[i])
			if cursorAt(name) > 0 { // only the one that deletes an expired key misses it
				heard[i] = slices.DeleteFunc(heard[i],
					func(line string) bool { return strings.Contains(line, "keymiss") })
			}
		}
	}
	if slices.Equal(heard[0], heard[1]) {
		return nil
	}
	return &difference{o, textReply(heard[0]), textReply(heard[1])}
}

func textReply(lines []string) reply {
	return reply{raw: []byte("events: " + strings.Join(lines, ", "))}
}
