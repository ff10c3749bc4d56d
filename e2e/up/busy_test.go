package up

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// sleeps has a member execute one command for a while. done is closed when it is answered.
func (m *member) sleeps(seconds int) (done chan struct{}) {
	done = make(chan struct{})
	c := redis.NewClient(&redis.Options{Addr: m.addr, MaxRetries: -1, ReadTimeout: time.Minute})
	go func() {
		defer close(done)
		defer c.Close()
		if err := c.Do(context.Background(), "DEBUG", "SLEEP", seconds).Err(); err != nil {
			m.t.Errorf("the slow command on %s: %v", m.addr, err)
		}
	}()
	return done
}

// TestSlowCommandsDeposeNobody: one slow command after the other, on any member, each for many times down-after. Who
// has nothing to do with it goes on meanwhile, all others after it, and the chain stays as it is; status and events say
// what the member is busy with.
func TestSlowCommandsDeposeNobody(t *testing.T) {
	const seconds = 6
	sentinels, nodes := startMembers(t, 2*time.Second, "--enable-debug-command", "local")
	nodes = chain(t, nodes...)
	for _, s := range sentinels {
		waitFor(t, "all to know of the chain", func() bool {
			g := s.status().Groups[0]
			known := len(g.Chain) == 3
			for _, m := range g.Chain {
				known = known && m.Epoch == g.Epoch && m.LinkUp == (m.Role == "slave")
			}
			return known
		})
	}
	epoch := sentinels[0].status().Groups[0].Epoch
	events := redis.NewSentinelClient(&redis.Options{Addr: sentinels[1].addr}).PSubscribe(t.Context(), "*")
	defer events.Close()
	if _, err := events.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"master", "middle", "tail"} {
		m := nodes[i]
		m.do("PING") // its connection is there
		done := m.sleeps(seconds)
		busy := func() bool {
			s := sentinels[2].status().Groups[0]
			return len(s.Chain) == 3 && s.Chain[i].Busy > 2500 && s.Chain[i].Command == "debug"
		}
		waitFor(t, "status to say that the "+name+" is busy", busy)
		writes := 0
		for asleep := true; asleep; writes++ {
			if i == 0 { // nothing can be written, and what was is still read
				nodes[1].c.Get(t.Context(), "n")
				time.Sleep(10 * time.Millisecond)
			} else {
				nodes[0].do("INCR", "n")
			}
			select {
			case <-done:
				asleep = false
			default:
			}
		}
		if writes < 3 {
			t.Errorf("while the %s slept only %d commands were answered", name, writes)
		}
		nodes[0].do("INCR", "n")
		if got, want := m.do("GET", "n"), nodes[0].do("GET", "n"); got != want {
			t.Errorf("the %s answers %v, the master %v", name, got, want)
		}
	}
	if got := sentinels[0].status().Groups[0].Epoch; got != epoch {
		t.Errorf("epoch %d became %d", epoch, got)
	}
	told := map[string]int{}
	for len(told) < 6 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		v, err := events.ReceiveMessage(ctx)
		cancel()
		if err != nil {
			t.Fatalf("after %v: %v", told, err)
		}
		if strings.HasSuffix(v.Channel, "slow-command") {
			told[v.Channel+" "+v.Payload]++
		} else if !strings.HasPrefix(v.Channel, "__") && !strings.HasSuffix(v.Channel, "-reconf-done") {
			// of how the chain began
			t.Errorf("told %s %s", v.Channel, v.Payload)
		}
	}
	for i, m := range nodes {
		host, port, _ := strings.Cut(m.addr, ":")
		_, first, _ := strings.Cut(nodes[0].addr, ":")
		text := fmt.Sprintf("slave %s %s %s @ mymaster %s %s #command debug", m.addr, host, port, host, first)
		if i == 0 {
			text = fmt.Sprintf("master mymaster %s %s #command debug", host, port)
		}
		if told["+slow-command "+text] != 1 || told["-slow-command "+text] != 1 {
			t.Errorf("not once each, + and - of %q: %v", text, told)
		}
	}
}
