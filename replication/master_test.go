package replication

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/resp"
)

// script is a master that plays Redis's part by heart: each connection gets the next answer to PSYNC, and what follows.
type script struct {
	net     *testNet
	answers []string
	heard   []string // all commands, in order
	acks    chan string
}

func (s *script) serve(conn *testConn) {
	var p resp.Parser
	for {
		args, err := p.Next()
		if err != nil {
			return
		}
		if args == nil {
			n, err := conn.Read(p.Space(0))
			if err != nil {
				return
			}
			p.Fill(n)
			continue
		}
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = string(a)
		}
		command := strings.Join(words, " ")
		if strings.HasPrefix(command, "REPLCONF ACK") {
			s.acks <- command
			continue
		}
		s.heard = append(s.heard, command)
		reply := "+OK\r\n"
		switch {
		case words[0] == "PING":
			reply = "-NOAUTH Authentication required.\r\n"
		case strings.HasPrefix(command, "REPLCONF ip-address"):
			reply = "-ERR Unrecognized REPLCONF option: ip-address\r\n"
		case words[0] == "PSYNC":
			if len(s.answers) == 0 {
				return
			}
			reply, s.answers = s.answers[0], s.answers[1:]
		}
		for piece := range strings.SplitAfterSeq(reply, "|") {
			if _, err := conn.Write([]byte(strings.TrimSuffix(piece, "|"))); err != nil {
				return
			}
			if strings.Contains(reply, "|") {
				time.Sleep(time.Second)
			}
		}
	}
}

func TestFollowsAPlainMaster(t *testing.T) {
	bothWays(t, func(t *testing.T, polled bool) {
		synctest.Test(t, func(t *testing.T) { followsAPlainMaster(t, polled) })
	})
}

func followsAPlainMaster(t *testing.T, polled bool) {
	put := func(w string) string { return string(resp.AppendCommandStrings(nil, "PUT", w)) }
	getack := string(resp.AppendCommandStrings(nil, "REPLCONF", "GETACK", "*"))
	mark := testID('f')
	body := "2\nx\ny"
	s := &script{net: newTestNet(polled), acks: make(chan string, 100), answers: []string{
		"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
		"-LOADING Redis is loading the dataset in memory\r\n",
		"+FULLRESYNC short 1\r\n",
		"\n|\n|+FULLRESYNC " + testID('1') + " 100\r\n|\n|\n|" + fmt.Sprintf("$%d\r\n", len(body)) + body[:2] + "|" +
			body[2:] + put("one") + "|" + getack[:9] + "|" + getack[9:],
		"+CONTINUE\r\n" + put("two"),
		"+CONTINUE " + testID('2') + "\r\n" + put("three") + "|*1\r\n$oops\r\n",
		"+FULLRESYNC " + testID('3') + " 0\r\n$EOF:" + mark + "\r\n3\nx\ny|\nz" + mark[:7] + "|" + mark[7:] +
			put("four"),
	}}
	s.net.listen("m:1", s.serve)
	m := newMember(t, s.net, "c", LogConfig{})
	var states []FollowState
	f := NewFollower(FollowConfig{Network: s.net, Addr: "m:1", User: "u", Password: "p", AnnounceIP: "1.2.3.4",
		AnnouncePort: 7, Log: m.log,
		Applier: m, Logger: slog.New(slog.DiscardHandler), Timeout: func() time.Duration { return testTimeout },
		Loops:   s.net.loops,
		OnState: func(st FollowStatus) { states = append(states, st.State) }})
	m.stop = run(f)
	defer s.net.close(t)
	defer m.close()

	expect := func(pos Position, words ...string) {
		t.Helper()
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			if m.log.Position() == pos {
				break
			}
		}
		if m.log.Position() != pos || !slices.Equal(m.data(), words) {
			t.Fatalf("at %v with %q, want %v with %q; heard %q", m.log.Position(), m.data(), pos, words, s.heard)
		}
	}
	one := int64(len(put("one")) + len(getack))
	expect(Position{testID('1'), 100 + one}, "x", "y", "one")
	first := []string{"PING", "AUTH u p", "REPLCONF listening-port 7", "REPLCONF ip-address 1.2.3.4",
		"REPLCONF capa eof capa psync2", "PSYNC " + testID('c') + " 1"}
	if !slices.Equal(s.heard[:6], first) {
		t.Errorf("handshake: %q", s.heard[:6])
	}
	if !slices.Equal(states[:4], []FollowState{FollowConnecting, FollowHandshake, FollowConnect, FollowConnecting}) ||
		!slices.Contains(states, FollowSync) {
		t.Errorf("states: %v", states)
	}
	if got := lastAck(s.acks); got != fmt.Sprintf("REPLCONF ACK %d", 100+one) {
		t.Errorf("acknowledged %q", got)
	}
	s.net.cutAll("m:1", false)
	two := 100 + one + int64(len(put("two")))
	expect(Position{testID('1'), two}, "x", "y", "one", "two")
	s.net.cutAll("m:1", false)
	three := two + int64(len(put("three")))
	expect(Position{testID('2'), three}, "x", "y", "one", "two", "three")
	if want := fmt.Sprintf("PSYNC %s %d", testID('1'), two+1); !slices.Contains(s.heard, want) {
		t.Errorf("did not hear %q of %q", want, s.heard)
	}
	expect(Position{testID('3'), int64(len(put("four")))}, "x", "y", "z", "four")
}

// lastAck is the newest of what came until now.
func lastAck(acks chan string) (last string) {
	time.Sleep(2 * ackEvery)
	for {
		select {
		case last = <-acks:
		default:
			return last
		}
	}
}

func TestSilentFollowerIsDropped(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		conn, err := r.net.Dial(t.Context(), r.a.self.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		id, offset := psyncArgs(r.a.log.Position())
		if _, err := conn.Write(resp.AppendCommandStrings(nil, "PSYNC", id, offset)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if n := len(r.a.feeder.Followers()); n != 2 {
			t.Fatalf("%d followers", n)
		}
		time.Sleep(testTimeout)
		if n := len(r.a.feeder.Followers()); n != 1 {
			t.Errorf("%d followers: one has been silent for longer than the timeout", n)
		}
	})
}

func TestFailedApplyMeansFullCopy(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		before := r.b.fulls()
		var failed bool
		r.c.applyErr = func() error {
			if failed {
				return nil
			}
			failed = true
			return errors.New("can't")
		}
		r.a.committed(r.a.put("strange"), time.Second)
		same(t, r.a, r.b, r.c)
		if r.b.fulls() != before+1 {
			t.Errorf("b sent %d full copies, want one more than %d", r.b.fulls(), before)
		}
	})
}

// BenchmarkChain measures writes that are committed by two more members, in batches of 16 with one batch under way.
func BenchmarkChain(b *testing.B) {
	net := newTestNet(true)
	defer net.close(b)
	var ms []*member
	for _, name := range []string{"a", "b", "c"} {
		m := newMember(b, net, name, LogConfig{})
		defer m.close()
		ms = append(ms, m)
	}
	rg := &rig{net: net, a: ms[0], b: ms[1], c: ms[2]}
	rg.group.Name = "g"
	rg.all(rg.group.WithChain(memberValues(ms)))
	batch := make([]string, 16)
	for i := range batch {
		batch[i] = "a value of thirty-two characters"
	}
	rg.a.committed(rg.a.put("warm"), 10*time.Second)
	b.ReportAllocs()
	for b.Loop() {
		rg.a.committed(rg.a.put(batch...), 10*time.Second)
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "writes/s")
}
