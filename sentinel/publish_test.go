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
	inCluster(t, 3, func(w *testCluster) {
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

// TestSlowCommandIsTold: subscribers hear once of a command that takes long, and once that it has ended, and nobody is
// taken out of the chain for it before busy-command-timeout.
func TestSlowCommandIsTold(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		var clients []client
		for i := range w.sentinels {
			c := w.client(i)
			defer c.c.Close()
			c.do("PSUBSCRIBE", "?s[dl]o*") // slow-command, sdown
			clients = append(clients, c)
		}
		h0, p0 := splitAddr(g.Chain[0].Addr)
		h1, p1 := splitAddr(g.Chain[1].Addr)
		head := strings.Join([]string{"master", testGroup, h0, p0}, " ") + " #command sort"
		slave := strings.Join([]string{"slave", h1 + ":" + p1, h1, p1, "@", testGroup, h0, p0}, " ") + " #command sort"
		for i, text := range []string{head, slave} {
			n := w.nodes[g.Chain[i].Name]
			n.execute(true)
			time.Sleep(900 * time.Millisecond)
			n.execute(true) // another one: neither takes long
			time.Sleep(20 * time.Second)
			n.execute(false)
			time.Sleep(time.Second)
			for j, c := range clients {
				if got := c.drain(); !slices.Equal(got, []string{"+slow-command " + text, "-slow-command " + text}) {
					t.Errorf("sentinel %d told %q", j, got)
				}
			}
		}
		if now := w.agreed().Epoch; now != g.Epoch {
			t.Errorf("epoch %d became %d", g.Epoch, now)
		}
		w.nodes[g.Chain[0].Name].execute(true)
		time.Sleep(29 * time.Second)
		if now := w.agreed().Epoch; now != g.Epoch {
			t.Errorf("epoch %d became %d", g.Epoch, now)
		}
		w.until("chain without the head", 4*time.Second, w.chainIs(g.Chain[1].Name, g.Chain[2].Name))
	})
}

// TestDownIsToldOnce: what a sentinel knows of a majority's fences, and of its own that it stores later, is one story.
func TestDownIsToldOnce(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g := w.agreed()
		c := w.client(0)
		defer c.c.Close()
		c.do("PSUBSCRIBE", "?[so]down")
		s := w.sentinels[0]
		s.mu.Lock()
		// by its own fence, the others', its own that is stored, and the verdict
		for _, odown := range []bool{false, true, false, true} {
			s.raise(testGroup, g.Chain[0], true, odown)
		}
		s.raise(testGroup, g.Chain[0], false, false)
		s.mu.Unlock()
		var told []string
		for _, m := range c.drain() {
			event, _, _ := strings.Cut(m, " ")
			told = append(told, event)
		}
		if want := []string{"+sdown", "+odown", "-odown", "-sdown"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
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

// TestNobodyIsToldThePast: subscribers of a sentinel that comes back, from a restart or from behind a cut, are told who
// leads now, not who led meanwhile: they would go there. And nobody who asks is sent there.
func TestNobodyIsToldThePast(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
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
				if v, err := w.ask(2, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup); err == nil &&
					len(v.Elems) == 2 {
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

// TestIPv6Texts has addresses of IPv6 told as Redis Sentinel tells them: in brackets only in the name of a replica.
func TestIPv6Texts(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		c := w.client(0)
		defer c.c.Close()
		c.do("PSUBSCRIBE", "*")
		for i, name := range []string{"n1", "n2"} {
			ip := "10.0.1." + name[1:]
			n := w.newNode(testGroup, name, ip, "[fd00::"+name[1:]+"]:6379", int64(2-i), 0)
			w.mu.Lock()
			w.nodes[name] = n
			w.mu.Unlock()
			n.run()
			if i == 0 {
				w.until("a chain of one", 10*time.Second, w.chainIs("n1"))
			}
		}
		w.until("a chain", 10*time.Second, w.chainIs("n1", "n2"))
		time.Sleep(time.Second)
		const replica = "slave [fd00::2]:6379 fd00::2 6379 @ mymaster fd00::1 6379"
		if got := c.drain(); !slices.Contains(got, "+slave "+replica) {
			t.Errorf("not told of %s: %q", replica, got)
		}
		asking := w.client(0)
		defer asking.c.Close()
		list := asking.do("SENTINEL", "REPLICAS", testGroup)
		if len(list.Elems) != 1 {
			t.Fatalf("replicas: %v", list)
		}
		for name, want := range map[string]string{"name": "[fd00::2]:6379", "ip": "fd00::2", "port": "6379",
			"master-host": "fd00::1"} {
			if got := field(list.Elems[0], name); got != want {
				t.Errorf("%s of the replica is %s, want %s", name, got, want)
			}
		}
		if got, want := asking.do("INFO", "sentinel").String(), "address=fd00::1:6379,"; !strings.Contains(got, want) {
			t.Errorf("INFO lacks %s: %s", want, got)
		}
		if got, want := asking.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", testGroup).String(),
			"[fd00::1 6379]"; got != want {
			t.Errorf("the master is at %s, want %s", got, want)
		}
	})
}
