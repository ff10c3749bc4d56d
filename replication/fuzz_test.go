package replication

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"holdfast/cluster"
)

// FuzzPSYNC: a request that was read can be made again.
func FuzzPSYNC(f *testing.F) {
	f.Add("?", "-1")
	f.Add(strings.Repeat("a", idDigits), "17")
	f.Add("", "-9223372036854775808")
	f.Fuzz(func(t *testing.T, id, offset string) {
		ask, ok := ParsePSYNC(id, offset)
		n, err := strconv.ParseInt(offset, 10, 64)
		if ok != (err == nil) {
			t.Fatalf("%q: %v", offset, ok)
		}
		if !ok || ask.ID == "" {
			return
		}
		againID, again := psyncArgs(ask)
		if m, err := strconv.ParseInt(again, 10, 64); againID != id || m != n || err != nil {
			t.Fatalf("%q %q became %q %q", id, offset, againID, again)
		}
		l := NewLog(LogConfig{Position: Position{ID: strings.Repeat("a", idDigits), Offset: 5}})
		l.Append(make([]byte, 15))
		l.Flush()
		if from, ok, _ := l.Resume(ask); ok && (from != n-1 || from < 5 || from > 20) {
			t.Fatalf("%v resumes at %d", ask, from)
		}
	})
}

// FuzzAck: an acknowledgement that was read says the same when it is written again; none that is malformed counts for a
// chain.
func FuzzAck(f *testing.F) {
	f.Add("REPLCONF ACK 7")
	f.Add("replconf ack 7 commit 5 epoch 3")
	f.Add("replconf ack 7 commit 5 epoch 3 progress 9")
	f.Add("REPLCONF ACK 7 COMMIT x EPOCH -1")
	f.Fuzz(func(t *testing.T, text string) {
		var args [][]byte
		for _, word := range strings.Split(text, " ") {
			args = append(args, []byte(word))
		}
		a, ok := parseAck(args)
		if !ok {
			return
		}
		again, ok := parseAck(parseAll(t, string(appendAck(nil, a)))[0])
		if !a.chain {
			a.commit, a.epoch = 0, 0
		}
		if !ok || again != a {
			t.Fatalf("%q: %+v became %+v", text, a, again)
		}
	})
}

// FuzzHello: who said hello is the same when it is said again, and is let in only where it named everything rightly.
func FuzzHello(f *testing.F) {
	self := cluster.Member{Name: "n", Incarnation: "i", Addr: "a:1"}
	text, err := json.Marshal(Hello{Group: "g", Epoch: 3, Member: cluster.Member{Name: "m"}, To: self})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"group":"g","epoch":3,"to":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseHello(text)
		if err != nil {
			return
		}
		wire, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseHello(wire); err != nil || again != h {
			t.Fatalf("%q: %+v became %+v, %v", text, h, again, err)
		}
		let := h.Group == "g" && h.Epoch == 3 && h.To.Name == "n" && h.To.Incarnation == "i"
		if let != (h.Check("", cluster.Group{Name: "g", Epoch: 3}, 0, self) == nil) {
			t.Fatalf("%q: let in: %v", text, !let)
		}
	})
}

// FuzzPayload holds the reading of a full copy, in pieces of any size, beside looking for its end in all of it.
func FuzzPayload(f *testing.F) {
	mark := strings.Repeat("m", idDigits)
	f.Add("$EOF:"+mark, []byte("body"+mark+"*1\r\n"), byte(3))
	f.Add("$EOF:"+mark, []byte(mark[:39]+"x"+mark[:20]+mark+mark), byte(1))
	f.Add("$4", []byte("body*1\r\n"), byte(0))
	f.Add("$-1", []byte("body"), byte(7))
	f.Add("-ERR no", []byte(""), byte(7))
	f.Fuzz(func(t *testing.T, head string, text []byte, step byte) {
		var want, rest []byte
		whole, valid := false, false
		if size, ok := strings.CutPrefix(head, "$EOF:"); ok {
			if valid = len(size) == idDigits; valid {
				want, rest, whole = bytes.Cut(text, []byte(size))
			}
		} else if size, ok := strings.CutPrefix(head, "$"); ok {
			n, err := strconv.ParseInt(size, 10, 64)
			valid = err == nil && n >= 0
			if whole = valid && n <= int64(len(text)); whole {
				want, rest = text[:n], text[n:]
			}
		}
		in := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(text)), 64)
		if step%2 == 0 {
			in = bufio.NewReaderSize(bytes.NewReader(text), 64)
		}
		p, _, err := newPayload(in, head)
		if valid != (err == nil) {
			t.Fatalf("%q: %v", head, err)
		}
		if err != nil {
			return
		}
		got, buf := []byte(nil), make([]byte, int(step)+1)
		for err == nil {
			var n int
			n, err = p.Read(buf)
			got = append(got, buf[:n]...)
		}
		if whole {
			left, e := io.ReadAll(in)
			if err != io.EOF || e != nil || !bytes.Equal(got, want) || !bytes.Equal(left, rest) {
				t.Fatalf("%q of %q: read %q, %v, and left %q", head, text, got, err, left)
			}
		} else if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(text, got) {
			t.Fatalf("%q of %q, which breaks off: read %q, %v", head, text, got, err)
		}
	})
}
