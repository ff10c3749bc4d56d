package sentinel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/server"
)

// stranger connects to a sentinel and says something.
func (w *testCluster) stranger(i int, says string) net.Conn {
	w.t.Helper()
	conn, err := w.net.Host("10.0.9.9").Dial(context.Background(), sentinelIP(i)+":26379")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, says); err != nil {
		w.t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * server.Introduction))
	return conn
}

const adminPlacesTaken = 4

// rejected counts connections for which there was no place.
func (s *Sentinel) rejected() int64 {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	return s.front.stats.Rejected
}

// filled has all sentinels let no more clients in.
func (w *testCluster) filled() {
	w.t.Helper()
	for i, s := range w.sentinels {
		s.cfg.MaxClients = 2 // read for every new connection
		for range 2 {
			w.stranger(i, "")
		}
	}
	time.Sleep(2 * server.Introduction)
}

// TestFullSentinels: with all places taken, by whoever says nothing, the group goes on, fails over and is joined;
// others are refused soon.
func TestFullSentinels(t *testing.T) {
	for name, key := range map[string]string{"with a key": testKey, "without": ""} {
		t.Run(name, func(t *testing.T) { inClusterOf(t, 3, key, fullSentinels) })
	}
}

func fullSentinels(w *testCluster) {
	t := w.t
	w.trio()
	w.filled()
	for _, says := range []string{"", "PING\r\n", "SENTINEL get-master-addr-by-name mymaster\r\n", "NONSENSE\r\n",
		"HELLO 3\r\n", "SUBSCRIBE x\r\n", "SHUTDOWN\r\n", "HOLDFAST STATUS\r\n", "*1\r\n"} {
		conn := w.stranger(0, says)
		if got, err := io.ReadAll(conn); string(got) != "-ERR max number of clients reached\r\n" || err != nil {
			t.Errorf("%q is answered %q, %v", says, got, err)
		}
		_ = conn.Close()
	}
	if n := w.sentinels[0].rejected(); n != 9 {
		t.Errorf("%d connections were rejected of 9", n)
	}
	for i := range w.sentinels { // and a flood of those who say nothing, or begin a proof
		for j := range 100 {
			defer w.stranger(i, []string{"", string(rune(membership.Hello))}[j%2]).Close()
		}
	}
	chain := w.agreed().Chain
	w.nodes[chain[0].Name].stop()
	w.until("chain without the head", 3*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
	w.startNode(chain[0].Name, 1000, 1)
	w.until("the old head at the end", 5*time.Second, w.chainIs(chain[1].Name, chain[2].Name, chain[0].Name))
	w.stopSentinel(1)
	w.startSentinel(1) // it is let in by the others
	w.until("all sentinels in touch", 10*time.Second, func() bool {
		v, err := w.ask(1, "SENTINEL", "CKQUORUM", testGroup)
		return err == nil && strings.HasPrefix(v.String(), "OK 3 usable")
	})
	w.filled()                      // the one that has just come, too
	for i, s := range w.sentinels { // whoever leads then is told what the other sees
		if s.quorum.isLeader() {
			w.stopSentinel(i)
			break
		}
	}
	head := w.agreed().Chain[0].Name
	w.nodes[head].stop()
	w.until("chain without the head, by another leader", 5*time.Second,
		func() bool { return len(w.agreed().Chain) == 2 && w.agreed().Chain[0].Name != head })
}

// TestAdministratorsComeIn: on the machine itself somebody can always ask how things are.
func TestAdministratorsComeIn(t *testing.T) {
	inCluster(t, 1, func(w *testCluster) {
		w.filled()
		var all []client
		dial := func() client {
			c, err := resp.Dial(context.Background(), w.net.Host(sentinelIP(0)), "127.0.0.1:26379")
			if err != nil {
				t.Fatal(err)
			}
			return client{t, c}
		}
		rejected := w.sentinels[0].rejected()
		for range adminPlacesTaken + 1 {
			all = append(all, dial())
			for _, said := range [][]any{
				{"HELLO", 3}, {"CLIENT", "SETNAME", "tool"}, {"CLIENT", "SETINFO", "LIB-NAME", "tool"},
				{"COMMAND", "COUNT"},
			} {
				if v := all[len(all)-1].do(said...); v.String() == string(resp.ErrMaxClients) {
					t.Fatalf("%v: %v", said, v)
				}
			}
			if v := all[len(all)-1].do("SENTINEL", "MYID"); v.String() != w.sentinels[0].ID() {
				t.Fatalf("an administrator is answered %v", v)
			}
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := all[0].c.Do(ctx, "PING"); err == nil {
			t.Error("the first of more administrators than there are places is still there")
		}
		if got := w.sentinels[0].rejected() - rejected; got != 1 {
			t.Errorf("%d are counted as rejected, not one", got)
		}
		last := all[len(all)-1]
		stranger := dial()
		stranger.do("HELLO", 3)
		if v := stranger.do("SUBSCRIBE", "x"); v.String() != string(resp.ErrMaxClients) {
			t.Errorf("who only greets may listen: %v", v)
		}
		if v := last.do("SUBSCRIBE", "x"); v.Kind != resp.KindError {
			t.Errorf("an administrator may listen: %v", v)
		}
	})
}

// TestHalfCommands: what strangers begin and don't end is bounded for all of them together.
func TestHalfCommands(t *testing.T) {
	inCluster(t, 1, func(w *testCluster) {
		s := w.sentinels[0]
		half := "*1000\r\n" + strings.Repeat("$60000\r\n"+strings.Repeat("x", 60000)+"\r\n", 15)
		for range 200 {
			conn := w.stranger(0, "")
			defer conn.Close()
			go func() { _, _ = io.WriteString(conn, half) }()
		}
		time.Sleep(10 * time.Second)
		if held := s.front.Clients.Memory(); held > maxHeld || held < maxHeld/2 {
			t.Errorf("%d bytes are held", held)
		}
		if v := w.client(0).do("PING"); v.String() != "PONG" {
			t.Errorf("a client is answered %v", v)
		}
	})
}

// TestLongWordsOfStrangers: one that has proven nothing has little to say at once, and no member has a name of
// megabytes.
func TestLongWordsOfStrangers(t *testing.T) {
	inCluster(t, 1, func(w *testCluster) {
		conn := w.stranger(0, "*2\r\n$4\r\nPING\r\n$70000\r\n")
		if got, _ := io.ReadAll(conn); string(got) != "-ERR Protocol error: invalid bulk length\r\n" {
			t.Errorf("answered %q", got)
		}
		node := membership.Peer{Kind: membership.Node, Name: strings.Repeat("n", 100)}
		hb := beat(t, cluster.Heartbeat{Group: strings.Repeat("g", maxHeartbeat),
			Member: cluster.Member{Name: node.Name, Incarnation: "1", Addr: "10.0.1.1:6379"}, Seq: 1})
		if err := w.says(0, w.keys, node, "HOLDFAST", "HEARTBEAT", hb); err == nil ||
			!strings.Contains(err.Error(), "too long") {
			t.Errorf("a heartbeat of %d bytes: %v", len(hb), err)
		}
	})
}

func TestFewDescriptors(t *testing.T) {
	for limit, want := range map[uint64]int{64: 16, 256: 208, 48: 0} {
		cfg := Default()
		cfg.Logger, cfg.OpenFiles = slog.New(slog.DiscardHandler),
			func(uint64) (uint64, uint64, error) { return limit, limit, errors.New("no") }
		if err := cfg.fitClients(); (err != nil) != (want == 0) || cfg.MaxClients != want {
			t.Errorf("at %d descriptors: %d clients, %v", limit, cfg.MaxClients, err)
		}
	}
}
