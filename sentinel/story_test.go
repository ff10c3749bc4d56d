package sentinel

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEvents reads the story of a failover, as a client that subscribes to everything hears it from each sentinel.
func TestEvents(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.trio()
		chain := w.agreed().Chain
		var clients []client
		for i := range w.sentinels {
			c := w.client(i)
			defer c.c.Close()
			c.do("PSUBSCRIBE", "*")
			clients = append(clients, c)
		}
		w.nodes[chain[0].Name].stop()
		w.until("chain without the head", 3*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
		time.Sleep(time.Second)
		h0, p0 := splitAddr(chain[0].Addr)
		h1, p1 := splitAddr(chain[1].Addr)
		h2, p2 := splitAddr(chain[2].Addr)
		old := strings.Join([]string{"master", testGroup, h0, p0}, " ")
		third := "slave " + h2 + ":" + p2 + " " + h2 + " " + p2 + " @ " + testGroup + " "
		story := false
		for i, c := range clients {
			got := c.drain()
			for _, want := range []string{
				"+sdown " + old, "+switch-master " + strings.Join([]string{testGroup, h0, p0, h1, p1}, " "),
				"+odown " + old + " #quorum ",
			} {
				if !slices.ContainsFunc(got, func(e string) bool { return strings.HasPrefix(e, want) }) {
					t.Errorf("sentinel %d did not tell %q: %q", i, want, got)
				}
			}
			for _, event := range []string{"+slave-reconf-done ", "+replica-reconf-done "} {
				if !slices.ContainsFunc(got, func(e string) bool { return strings.HasPrefix(e, event+third) }) {
					t.Errorf("sentinel %d did not tell %q: %q", i, event, got)
				}
			}
			story = story || slices.Contains(got, "+failover-end "+old) && slices.Contains(got, "+elected-leader "+old)
		}
		if !story {
			t.Error("no sentinel told the story of the failover")
		}
	})
}

// drain reads the messages that have come, as "channel message".
func (c client) drain() []string {
	var list []string
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		v, err := c.c.Receive(ctx)
		cancel()
		if err != nil {
			return list
		}
		list = append(list, v.Elems[2].String()+" "+v.Elems[3].String())
	}
}

// TestNobodyIsToldThePast: subscribers of a sentinel that comes back, from a restart or from behind a cut, are told who leads now, not who
// led meanwhile: they would go there. And nobody who asks is sent there.
func TestNobodyIsToldThePast(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.trio()
		first := w.agreed().Chain[0]
		handOver := func(times int) {
			w.t.Helper()
			for range times {
				chain := w.agreed().Chain
				if v, err := w.ask(0, "SENTINEL", "FAILOVER", testGroup); err != nil || v.String() != "OK" {
					w.t.Fatalf("%v %v", v, err)
				}
				w.until("the second leads", 2*time.Second, w.chainIs(chain[1].Name, chain[2].Name, chain[0].Name))
			}
			time.Sleep(time.Second)
		}
		back := func(how string, c client) {
			w.t.Helper()
			var told []string
			now := w.agreed().Chain[0].Addr
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if v, err := w.ask(2, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup); err == nil && len(v.Elems) == 2 {
					if addr := v.Elems[0].String() + ":" + v.Elems[1].String(); addr != now {
						t.Errorf("%s: sent to %s, and %s leads", how, addr, now)
					}
				}
				told = append(told, c.drain()...)
			}
			told = slices.DeleteFunc(told, func(e string) bool { return !strings.HasPrefix(e, "+switch-master ") })
			host, port := splitAddr(now)
			if len(told) != 1 || !strings.HasSuffix(told[0], " "+host+" "+port) {
				t.Errorf("%s: told %q, and %s leads", how, told, now)
			}
		}
		handOver(4)

		c := w.client(2)
		c.do("PSUBSCRIBE", "*")
		apart := []string{sentinelIP(0), sentinelIP(1), "10.0.1.1", "10.0.1.2", "10.0.1.3"}
		for _, ip := range apart {
			w.net.Cut(sentinelIP(2), ip)
		}
		time.Sleep(3 * time.Second)
		handOver(4)
		if w.agreed().Chain[0].Is(first) {
			t.Fatal("the first leads again: nothing would have to be told")
		}
		c.drain()
		for _, ip := range apart {
			w.net.Heal(sentinelIP(2), ip)
		}
		back("cut off", c)
		c.c.Close()

		w.killSentinel(2)
		time.Sleep(3 * time.Second)
		w.startSentinel(2)
		c = w.client(2)
		defer c.c.Close()
		c.do("PSUBSCRIBE", "*")
		back("restarted", c)
	})
}
