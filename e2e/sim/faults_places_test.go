package sim

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// places is how many clients a process takes, of the group's own and strangers together.
const places = 32

// crowd is strangers who take all places, and come again when they are sent away.
type crowd struct {
	stop context.CancelFunc // nil: there is none
	work sync.WaitGroup
}

const crowdIP = "10.0.9.77"

// takePlaces has strangers take all places of all processes, or of some, also of those that are started later, until
// all is undone. Members, and administrators, get in beside them; new clients don't.
func (f *faults) takePlaces() bool {
	if f.full.stop != nil {
		return false
	}
	doors := f.doors()
	f.rng.Shuffle(len(doors), func(i, j int) { doors[i], doors[j] = doors[j], doors[i] })
	if f.rng.IntN(2) == 0 {
		doors = doors[:1+f.rng.IntN(len(doors))]
	}
	f.story.tell("FAULT", "strangers take all places of %d processes", len(doors))
	f.takeAll(doors)
	f.sleep(f.between(100*time.Millisecond, time.Second))
	return true
}

// doors are where clients are let in, of all processes.
func (g *group) doors() (doors []func() string) {
	for i := range size {
		doors = append(doors, g.nodes[i].addr, g.sentinels[i].addr)
	}
	return doors
}

// takeAll has strangers take all places behind some doors.
func (f *faults) takeAll(doors []func() string) {
	ctx, cancel := context.WithCancel(context.Background())
	f.full.stop = cancel
	host := f.net.Host(crowdIP)
	for _, addr := range doors {
		for range places + 2 {
			rng := rand.New(rand.NewPCG(f.rng.Uint64(), 8))
			f.full.work.Go(func() { sit(ctx, host, addr, rng) })
		}
	}
}

// sit holds a place at an address, says a word or half of one, and comes again.
func sit(ctx context.Context, host *simnet.Host, addr func() string, rng *rand.Rand) {
	for ctx.Err() == nil {
		within, cancel := context.WithTimeout(ctx, patience)
		conn, err := host.Dial(within, addr())
		cancel()
		if err == nil {
			end := context.AfterFunc(ctx, func() { _ = conn.Close() })
			switch rng.IntN(3) {
			case 0:
				_, _ = io.WriteString(conn, "PING\r\n")
			case 1:
				_, _ = io.WriteString(conn, "*3\r\n$3\r\nSET\r\n$1")
			}
			_, _ = io.Copy(io.Discard, conn) // until it is sent away
			end()
			_ = conn.Close()
		}
		select {
		case <-time.After(50*time.Millisecond + time.Duration(rng.Int64N(int64(100*time.Millisecond)))):
		case <-ctx.Done():
		}
	}
}

// givePlaces sends the strangers away; at times only when the group is whole again, without a place for any client.
func (f *faults) givePlaces() {
	if f.full.stop == nil {
		return
	}
	if f.rng.IntN(2) == 0 {
		f.until("all members in one chain, where strangers have all places", together+grace,
			func() bool { return f.whole() != nil })
		for _, m := range f.nodes {
			f.administers(m)
		}
	}
	f.story.tell("FAULT", "the strangers leave their places")
	f.full.leave()
}

func (c *crowd) leave() {
	if c.stop != nil {
		c.stop()
		c.work.Wait()
		c.stop = nil
	}
}

// administers says that an administrator on a node's machine is let in. A master that hands over sends all clients
// away: they come again.
func (f *faults) administers(m *machine) {
	var err error
	for range 3 {
		if err = f.asksAsAdministrator(m); !errors.Is(err, io.EOF) {
			break
		}
	}
	if err != nil {
		f.story.violated("places", "no administrator gets in at %s: %v", m.name, err)
	}
}

func (f *faults) asksAsAdministrator(m *machine) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := resp.Dial(ctx, m.host, "127.0.0.1:6379")
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do(ctx, "CONFIG", "GET", "maxclients")
	return err
}

// noises are what strangers say to a port that is not theirs.
var noises = []string{
	"", "\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nFLUSHALL\r\nSHUTDOWN\r\n",
	"*1000000\r\n", "*1\r\n$536870912\r\nx", "*2\r\n$8\r\nHOLDFAST\r\n", "PSYNC ? -1\r\n", "REPLCONF holdfast {}\r\n",
	"HOLDFAST HEARTBEAT {}\r\n", "HOLDFAST REPORT {}\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x16\x03\x01", "\x00\x02{}", "\xff\xff", "\x00", "\x01\x02\x03",
	"\x08\x00\x00\x00\x00\x00\x00\x00", "\x0c\xff\xff\xff\xff",
}

// noise says words of other protocols, halves of some, and nonsense to every port that a process listens on, as a
// stream and as datagrams.
func (f *faults) noise() bool {
	f.story.tell("FAULT", "noise on every port")
	host := f.net.Host(strangersIP).Restart()
	var streams, datagrams []string
	for i := range size {
		m, w := f.nodes[i], f.sentinels[i]
		streams = append(streams, m.ip()+":6379", m.ip()+":16379", w.ip()+":26379", w.ip()+":27379", w.ip()+":28379")
		datagrams = append(datagrams, m.ip()+":16379", w.ip()+":28379")
	}
	for _, addr := range streams {
		for range 3 {
			said := f.nonsense()
			f.work.Go(func() { say(host, addr, said) })
		}
	}
	p, err := host.ListenPacket(strangersIP + ":0")
	if err != nil {
		f.t.Errorf("the stranger's port: %v", err)
		return true
	}
	for _, addr := range datagrams {
		to, err := net.ResolveUDPAddr("udp", addr)
		if err != nil {
			f.t.Errorf("an address: %v", err)
			return true
		}
		for range 5 {
			_, _ = p.WriteTo(f.nonsense(), to)
		}
	}
	f.sleep(f.between(50*time.Millisecond, 500*time.Millisecond))
	_ = p.Close()
	return true
}

// nonsense is something that no member says.
func (f *faults) nonsense() []byte {
	if f.rng.IntN(3) > 0 {
		return []byte(noises[f.rng.IntN(len(noises))])
	}
	b := make([]byte, f.rng.IntN(300))
	for i := range b {
		b[i] = byte(f.rng.Uint32())
	}
	return b
}

// say says something on a stream, and hears what is answered for a while.
func say(host *simnet.Host, addr string, what []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := host.Dial(ctx, addr)
	if err != nil {
		return
	}
	_, _ = conn.Write(what)
	_ = conn.SetReadDeadline(time.Now().Add(2 * patience))
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
