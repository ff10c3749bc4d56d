package replication

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"holdfast/cluster"
	"holdfast/resp"
)

func parseAll(t *testing.T, text string) (all [][][]byte) {
	t.Helper()
	var p resp.Parser
	p.Fill(copy(p.Space(len(text)), text))
	for {
		args, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if args == nil {
			return all
		}
		all = append(all, args)
	}
}

func TestAck(t *testing.T) {
	got, ok := parseAck(parseAll(t,
		string(appendAck(nil, ack{offset: 12, chain: true, commit: 9, epoch: 7, progress: 5})))[0])
	if want := (ack{offset: 12, chain: true, commit: 9, epoch: 7, progress: 5}); !ok || got != want {
		t.Errorf("got %+v", got)
	}
	got, ok = parseAck(parseAll(t, string(appendAck(nil, ack{offset: 12, epoch: 7, commit: 9, progress: 5})))[0])
	if want := (ack{offset: 12}); !ok || got != want {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"REPLCONF ACK", "REPLCONF ACK x", "REPLCONF GETACK *", "PING",
		"REPLCONF ACK 1x COMMIT 2 EPOCH 3"} {
		if _, ok := parseAck(parseAll(t, bad+"\r\n")[0]); ok {
			t.Errorf("took %q for an acknowledgement", bad)
		}
	}
	for _, words := range []string{"", " progress -1", " progress x", " else 7", " progress"} {
		if a, ok := parseAck(parseAll(t, "replconf ack 5 commit 3 epoch 1"+words+"\r\n")[0]); !ok || !a.chain ||
			a.progress != 0 {
			t.Errorf("%q gave %+v", words, a)
		}
	}
	if a, ok := parseAck(parseAll(t, "replconf ack 5 commit 3 epoch -1 progress 7\r\n")[0]); !ok || a.chain ||
		a.progress != 0 {
		t.Errorf("a bad epoch gave %+v", a)
	}
}

func TestHello(t *testing.T) {
	me := cluster.Member{Name: "a", Incarnation: "1"}
	h := Hello{Group: "g", Epoch: 4, Member: cluster.Member{Name: "b"}, To: me}
	for _, c := range []struct {
		group string
		epoch uint64
		level cluster.Level
		self  cluster.Member
		want  string
	}{
		{"g", 4, 0, me, ""}, {"x", 4, 0, me, "ERR"}, {"g", 5, 0, me, staleEpoch}, {"g", 3, 0, me, staleEpoch},
		{"g", 4, 0, cluster.Member{Name: "a", Incarnation: "2"}, staleEpoch}, {"g", 4, 1, me, ""},
		{"g", 4, 2, me, "ERR"},
	} {
		err := h.Check("", cluster.Group{Name: c.group, Epoch: c.epoch}, c.level, c.self)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want+" ") {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && c.want == staleEpoch && !errors.Is(refusal("-"+err.Error()), errStaleEpoch) {
			t.Error("the other side does not understand the refusal")
		}
	}
	if _, err := ParseHello([]byte("{")); err == nil {
		t.Error("took { for a hello")
	}
}

func TestPayload(t *testing.T) {
	mark := testID('e')
	for _, body := range []string{"", "x", strings.Repeat("e", 39), strings.Repeat("REDIS", 30000)} {
		for _, head := range []string{"$EOF:" + mark, fmt.Sprintf("$%d", len(body))} {
			wire := body
			if strings.HasPrefix(head, "$EOF") {
				if strings.HasPrefix(body, "e") {
					continue // a body that ends like its mark begins is not told apart, by Redis neither
				}
				wire += mark
			}
			for _, slow := range []bool{false, true} {
				var src io.Reader = strings.NewReader(wire + "next")
				if slow {
					src = iotest.OneByteReader(src)
				}
				in := bufio.NewReaderSize(src, streamRead)
				p, _, err := newPayload(in, head)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(p)
				rest, _ := io.ReadAll(in)
				if err != nil || string(got) != body || string(rest) != "next" {
					t.Errorf("%s: %d of %d bytes, %v, then %q", head, len(got), len(body), err, rest)
				}
			}
			if len(wire) > 0 {
				in := bufio.NewReaderSize(strings.NewReader(wire[:len(wire)-1]), streamRead)
				p, _, _ := newPayload(in, head)
				if _, err := io.ReadAll(p); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s broken off: %v", head, err)
				}
			}
		}
	}
	for _, head := range []string{"", "x", "$", "$-1", "$EOF:short", "-ERR no", "-" + staleEpoch + " no"} {
		if _, _, err := newPayload(bufio.NewReader(strings.NewReader("")), head); err == nil {
			t.Errorf("took %q for a head", head)
		}
	}
}

func TestBatcherKeepsTransactionsWhole(t *testing.T) {
	stream := string(resp.AppendCommandStrings(nil, "SET", "a", "1")) +
		string(resp.AppendCommandStrings(nil, "MULTI")) + string(resp.AppendCommandStrings(nil, "SET", "b", "2")) +
		string(resp.AppendCommandStrings(nil, "SET", "c", "3")) + string(resp.AppendCommandStrings(nil, "exec")) +
		string(resp.AppendCommandStrings(nil, "SET", "d", "4"))
	for size := 1; size <= len(stream); size++ {
		var p resp.Parser
		var b batcher
		var raw, words strings.Builder
		for at := 0; at < len(stream); at += size {
			piece := stream[at:min(at+size, len(stream))]
			p.Fill(copy(p.Space(len(piece)), piece))
			if err := b.cut(&p); err != nil {
				t.Fatal(err)
			}
			depth := 0
			for _, e := range b.ready {
				raw.Write(e.Raw)
				fmt.Fprintf(&words, "%s ", e.Args)
				switch strings.ToLower(string(e.Args[0])) {
				case "multi":
					depth++
				case "exec":
					depth--
				}
			}
			if depth != 0 {
				t.Fatalf("pieces of %d: half a transaction handed out", size)
			}
		}
		if raw.String() != stream || words.String() != "[SET a 1] [MULTI] [SET b 2] [SET c 3] [exec] [SET d 4] " {
			t.Fatalf("pieces of %d: got %q, %s", size, raw.String(), words.String())
		}
	}
}
