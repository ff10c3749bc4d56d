package compat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// A crowd is clients of one server that wait for keys, and one that looks on.
type crowd struct {
	members []*member
	control *conn
	stream  *stream // what the server sends to replicas
}

type member struct {
	*conn
	id      string
	waiting bool
}

const crowdSize = 6

func gather(addr string) (*crowd, error) {
	c := &crowd{}
	for range crowdSize {
		conn, err := dial(addr)
		if err != nil {
			return nil, err
		}
		id, err := conn.do("CLIENT", "ID")
		if err != nil {
			return nil, err
		}
		c.members = append(c.members, &member{conn: conn, id: id.text})
	}
	var err error
	if c.control, err = dial(addr); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"FLUSHALL"}, {"DEBUG", "SET-ACTIVE-EXPIRE", "0"}, {"CONFIG", "RESETSTAT"}} {
		if _, err := c.control.do(args...); err != nil {
			return nil, err
		}
	}
	c.stream, err = newStream(addr)
	return c, err
}

func (c *crowd) leave() {
	for _, m := range c.members {
		m.close()
	}
	c.control.close()
	c.stream.close()
}

// play has a member send commands at once, and tells what everybody hears until nothing moves any more: the lines are
// "member reply".
func (c *crowd) play(who int, commands [][]string) (heard []string, err error) {
	m := c.members[who]
	for _, args := range commands {
		for i, a := range args {
			if id, ok := strings.CutPrefix(a, "id-of:"); ok {
				args[i] = c.members[id[0]-'0'].id
			}
		}
		if err := m.send(args); err != nil {
			return nil, err
		}
	}
	for range commands {
		if err := c.settle(m); err != nil {
			return nil, err
		}
		if m.waiting {
			break // what is behind is never sent by the generator
		}
		r, err := m.receive()
		if err != nil {
			return nil, err
		}
		heard = append(heard, fmt.Sprintf("%d %q", who, r.raw))
	}
	blocked, err := c.blocked()
	if err != nil {
		return nil, err
	}
	for i, o := range c.members {
		if o.waiting && !blocked[o.id] {
			r, err := o.receive()
			if err != nil {
				return nil, err
			}
			o.waiting = false
			heard = append(heard, fmt.Sprintf("%d %q", i, r.raw))
		}
	}
	return heard, nil
}

// settle waits until the member has a reply, or is blocked.
func (c *crowd) settle(m *member) error {
	for deadline := time.Now().Add(replyTimeout); ; {
		if err := m.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		_, err := m.r.Peek(1)
		if e := m.SetReadDeadline(deadline); e != nil {
			return e
		}
		if err == nil {
			return nil
		}
		blocked, err := c.blocked()
		if err != nil {
			return err
		}
		if m.waiting = blocked[m.id]; m.waiting {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("client %s neither answered nor blocked", m.id)
		}
	}
}

// blocked are the ids of blocked clients.
func (c *crowd) blocked() (map[string]bool, error) {
	r, err := c.control.do("CLIENT", "LIST")
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for line := range strings.Lines(r.text) {
		fields := strings.Fields(line)
		for _, f := range fields {
			if flags, ok := strings.CutPrefix(f, "flags="); ok && strings.Contains(flags, "b") {
				ids[strings.TrimPrefix(fields[0], "id=")] = true
			}
		}
	}
	return ids, nil
}

// blockingGenerator draws what the crowd does.
type blockingGenerator struct{ *rand.Rand }

func (g blockingGenerator) pick(list ...string) string { return list[g.IntN(len(list))] }
func (g blockingGenerator) key() string                { return g.pick("a", "b", "c", "d") }

// end is an end of a list as clients name it.
func (g blockingGenerator) end() string { return g.pick("LEFT", "RIGHT", "left", "Right") }

// maybeNoAck is NOACK, or nothing.
func (g blockingGenerator) maybeNoAck() []string {
	if g.IntN(4) == 0 {
		return []string{"NOACK"}
	}
	return nil
}

func (g blockingGenerator) group() string { return g.pick("g0", "g1") }

// awaited is a key, or one that only SORT writes: Redis forgets those who wait for a key that held a string before.
func (g blockingGenerator) awaited() string { return g.pick("a", "b", "c", "d", "sorted") }

// commands are one command, or a transaction.
func (g blockingGenerator) commands() [][]string {
	if g.IntN(6) > 0 {
		return [][]string{g.command()}
	}
	list := [][]string{{"MULTI"}}
	for range 1 + g.IntN(4) {
		list = append(list, g.command())
	}
	return append(list, []string{"EXEC"})
}

func (g blockingGenerator) command() []string {
	key, other := g.key(), g.key()
	switch g.IntN(34) {
	case 0, 1, 2, 3:
		return cmd(g.pick("BLPOP", "BRPOP"), key, g.awaited(), "0")
	case 4, 5:
		return cmd("BLMOVE", key, other, g.end(), g.end(), "0")
	case 6:
		return cmd(g.pick("BRPOPLPUSH", "brpoplpush"), key, other, "0")
	case 7, 8:
		return cmd("BLMPOP", "0", "2", key, other, g.end(), "COUNT", g.pick("1", "2", "3"))
	case 9:
		return cmd(g.pick("BZPOPMIN", "BZPOPMAX"), key, other, "0")
	case 10:
		return cmd("BZMPOP", "0", "2", key, other, g.pick("MIN", "MAX"), "COUNT", "2")
	case 11, 12, 13, 14:
		args := cmd(g.pick("LPUSH", "RPUSH"), key)
		for range 1 + g.IntN(3) {
			args = append(args, fmt.Sprint(g.IntN(1000)))
		}
		return args
	case 15:
		return cmd("ZADD", key, g.IntN(10), "m", g.IntN(10), "n")
	case 16:
		return cmd("DEL", key, other)
	case 17:
		return cmd(g.pick("RENAME", "COPY"), key, other)
	case 18:
		return cmd("SORT", key, "ALPHA", "STORE", "sorted")
	case 19:
		return cmd("SET", key, "a string")
	case 20:
		return cmd("LMOVE", key, other, "LEFT", "RIGHT")
	case 21:
		return cmd("CLIENT", "UNBLOCK", fmt.Sprint("id-of:", g.IntN(crowdSize)), g.pick("TIMEOUT", "ERROR"))
	case 22:
		return cmd("PEXPIREAT", key, "1")
	case 23, 24:
		return cmd("XREAD", "COUNT", g.IntN(3), "BLOCK", "0", "STREAMS", key, other, g.pick("$", "0", "99"), "$")
	case 25, 26, 27:
		return cmd("XREADGROUP", "GROUP", g.group(), g.pick("c0", "c1"), "COUNT", g.IntN(3), "BLOCK", "0",
			g.maybeNoAck(), "STREAMS", key, ">")
	case 28, 29, 30:
		return cmd("XADD", key, g.pick("1-*", "2-*", "99-*"), "f", g.IntN(1000))
	case 31:
		return cmd("XGROUP", "CREATE", key, g.group(), g.pick("$", "0"), "MKSTREAM")
	case 32:
		return cmd("XGROUP", "DESTROY", key, g.group())
	}
	return cmd("RPOP", g.awaited())
}

// TestBlocking has clients wait for keys, and others change them: who is served with what, and who goes on waiting,
// must be the same on both servers, and so must be the data at the end.
func TestBlocking(t *testing.T) {
	addrs := [2]string{startRedis(t), startHoldfast(t)}
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	rounds := knob(t, "COMPAT_ROUNDS", defaultRounds)
	t.Logf("COMPAT_SEED=%d COMPAT_ROUNDS=%d", first, rounds)
	for seed := first; seed < first+rounds; seed++ {
		if err := compareCrowds(addrs, seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func compareCrowds(addrs [2]string, seed uint64) error {
	var crowds [2]*crowd
	for i, addr := range addrs {
		c, err := gather(addr)
		if err != nil {
			return err
		}
		defer c.leave()
		crowds[i] = c
	}
	g := blockingGenerator{rand.New(rand.NewPCG(seed, 0x626c6f636b))}
	var story []string
	for range 150 {
		who := g.IntN(crowdSize)
		for crowds[0].members[who].waiting {
			if who = (who + 1) % crowdSize; g.IntN(crowdSize) == 0 {
				break
			}
		}
		if crowds[0].members[who].waiting { // enough wait: let somebody go
			if err := crowds[0].release(crowds[1], who); err != nil {
				return err
			}
			continue
		}
		commands := g.commands()
		story = append(story, fmt.Sprintf("%d sends %q", who, commands))
		var heard [2][]string
		for i, c := range crowds {
			var err error
			if heard[i], err = c.play(who, clone(commands)); err != nil {
				return fmt.Errorf("%s\n%w", strings.Join(story, "\n"), err)
			}
		}
		a, b := strings.Join(heard[0], "\n    "), strings.Join(heard[1], "\n    ")
		if a != b {
			return fmt.Errorf("%s\n  redis\n    %s\n  holdfast\n    %s", strings.Join(story, "\n"), a, b)
		}
		var sent [2][][]string
		for i, c := range crowds {
			var err error
			if sent[i], err = c.stream.next(); err != nil {
				return err
			}
		}
		dropReading(&sent)
		if !slices.EqualFunc(sent[0], sent[1], sameEffect) {
			return fmt.Errorf("%s\n  redis sends\n    %q\n  holdfast sends\n    %q", strings.Join(story, "\n"), sent[0],
				sent[1])
		}
	}
	if err := sameAccounts(crowds[0].control, crowds[1].control); err != nil {
		return fmt.Errorf("%s\n%w", strings.Join(story, "\n"), err)
	}
	return crowds[0].sameData(crowds[1])
}

func clone(commands [][]string) [][]string {
	list := make([][]string, len(commands))
	for i, args := range commands {
		list[i] = append([]string(nil), args...)
	}
	return list
}

// release ends a member's wait on both servers.
func (c *crowd) release(other *crowd, who int) error {
	for _, c := range []*crowd{c, other} {
		m := c.members[who]
		if _, err := c.control.do("CLIENT", "UNBLOCK", m.id); err != nil {
			return err
		}
		if _, err := m.receive(); err != nil {
			return err
		}
		m.waiting = false
	}
	return nil
}

func (c *crowd) sameData(other *crowd) error {
	a, err := c.control.do("DEBUG", "DIGEST")
	if err != nil {
		return err
	}
	b, err := other.control.do("DEBUG", "DIGEST")
	if err == nil && !bytes.Equal(a.raw, b.raw) {
		err = fmt.Errorf("the data sets differ at the end")
	}
	return err
}
