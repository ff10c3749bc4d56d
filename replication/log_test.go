package replication

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast/cluster"
)

func testID(c byte) string { return strings.Repeat(string(c), idDigits) }

func TestNewID(t *testing.T) {
	id, err := NewID(bytes.NewReader(bytes.Repeat([]byte{0xab}, 20)))
	if err != nil || id != strings.Repeat("ab", 20) || !validID(id) {
		t.Fatalf("got %q, %v", id, err)
	}
	if _, err := NewID(strings.NewReader("short")); err == nil {
		t.Fatal("no error though the source ran dry")
	}
}

func TestPSYNCArguments(t *testing.T) {
	for _, p := range []Position{{testID('a'), 0}, {testID('b'), 41}} {
		id, offset := psyncArgs(p)
		if got, ok := ParsePSYNC(id, offset); !ok || got != p {
			t.Errorf("%v went over the wire as %s %s and came back as %v", p, id, offset, got)
		}
	}
	if id, offset := psyncArgs(Position{}); id != "?" || offset != "-1" {
		t.Errorf("nothing held asks %s %s", id, offset)
	}
	if _, offset := psyncArgs(Position{testID('a'), 10}); offset != "11" {
		t.Errorf("10 bytes held must ask for byte 11, not %s", offset)
	}
	if _, ok := ParsePSYNC("?", "x"); ok {
		t.Error("took x for an offset")
	}
}

// TestResume goes through every request in a small world and compares with the rule said in another way: keep, for each
// id, the set of offsets that were written under it or before it.
func TestResume(t *testing.T) {
	ids := []string{testID('a'), testID('b'), testID('c')}
	for first := int64(0); first <= 3; first++ {
		for u1 := int64(0); u1 <= 4; u1++ {
			for u2 := u1; u2 <= 5; u2++ {
				for end := max(u2, first); end <= 6; end++ {
					lineage := Lineage{ID: ids[2], Formers: []Former{{ids[0], u1}, {ids[1], u2}}}
					reach := map[string]int64{ids[0]: u1, ids[1]: u2, ids[2]: end}
					for _, id := range append([]string{"?", "", testID('d'), strings.ToUpper(ids[0])}, ids...) {
						for off := int64(-2); off <= 8; off++ {
							limit, known := reach[strings.ToLower(id)]
							want := known && off <= limit && off >= first
							from, ok, reason := lineage.Resume(Position{id, off}, first, end)
							if ok != want || ok && from != off || ok == (reason != "") {
								t.Fatalf("first %d, until %d and %d, end %d: %.1s:%d gave %d, %v, %q; want %v",
									first, u1, u2, end, id, off, from, ok, reason, want)
							}
						}
					}
				}
			}
		}
	}
}

func TestLogInfo(t *testing.T) {
	l := NewLog(LogConfig{Position: Position{testID('a'), 100}})
	if info := l.Info(); info.SecondOffset != -1 || info.SecondID != testID('0') || info.FirstByte != 101 ||
		info.HistoryLen != 0 {
		t.Errorf("fresh: %+v", info)
	}
	l.Append([]byte("12345"))
	l.ContinueAs(testID('b'))
	l.ContinueAs(testID('b'))
	l.Append([]byte("678"))
	l.Flush()
	want := LogInfo{ID: testID('b'), SecondID: testID('a'), Offset: 108, SecondOffset: 106, FirstByte: 101,
		HistoryLen: 8,
		Limit:      defaultLimit, Memory: BlockSize}
	if info := l.Info(); info != want {
		t.Errorf("got %+v, want %+v", info, want)
	}
	if _, ok, _ := l.Resume(Position{testID('a'), 105}); !ok {
		t.Error("the former id does not resume where it ended")
	}
	if _, ok, _ := l.Resume(Position{testID('a'), 106}); ok {
		t.Error("the former id resumes past its end")
	}
	l.Reset(Position{testID('c'), 7})
	if l.Position() != (Position{testID('c'), 7}) || l.First() != 7 || l.Commit() != 7 || l.Info().SecondOffset != -1 {
		t.Errorf("after a reset: %+v", l.Info())
	}
}

// world runs random operations on a Log and on a plain byte slice that nothing is ever cut from.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	log     *Log
	bytes   []byte // all that was appended
	flushed int64
	largest int64 // that a Flush has shown
	readers []*modelReader
	commit  int64
	chain   bool
	other   cluster.Member
}

type modelReader struct {
	r    *Reader
	at   int64
	held [][]byte // what the last Next gave, and
	want []byte   // what it said then
}

func TestLogAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), other: cluster.Member{Name: "s", Incarnation: "1"}}
			w.log = NewLog(LogConfig{Position: Position{ID: testID('a')}, Limit: 100 << 10, ReaderLimit: 1 << 20})
			for range 300 {
				w.step()
				w.check()
			}
		})
	}
}

func (w *world) step() {
	switch w.rng.IntN(9) {
	case 0, 1, 2:
		for range 1 + w.rng.IntN(5) {
			p := make([]byte, w.rng.IntN([]int{8, 300, 300, 2 * BlockSize}[w.rng.IntN(4)]))
			for i := range p {
				p[i] = byte(i) ^ byte(len(w.bytes)>>4)
			}
			w.bytes = append(w.bytes, p...)
			if end := w.log.Append(p); end != int64(len(w.bytes)) {
				w.t.Fatalf("Append gave %d, want %d", end, len(w.bytes))
			}
		}
	case 3:
		w.log.Flush()
		w.largest = max(w.largest, int64(len(w.bytes))-w.flushed)
		w.flushed = int64(len(w.bytes))
	case 4:
		first := w.log.First()
		if first > w.flushed || len(w.readers) >= 4 {
			return
		}
		at := first + w.rng.Int64N(w.flushed-first+1)
		r, id, err := w.log.Open(Position{testID('a'), at}, nil)
		if err != nil || id != testID('a') {
			w.t.Fatalf("Open at %d of [%d, %d]: %v", at, first, w.flushed, err)
		}
		w.readers = append(w.readers, &modelReader{r: r, at: at})
	case 5, 6, 7:
		if len(w.readers) > 0 {
			w.read(w.readers[w.rng.IntN(len(w.readers))])
		}
	case 8:
		switch w.rng.IntN(3) {
		case 0:
			w.chain = !w.chain
			w.log.SetChain(1, w.other, w.chain)
		case 1:
			w.log.Ack(1, w.other, w.rng.Int64N(int64(len(w.bytes))+1))
		default:
			if len(w.readers) > 0 {
				i := w.rng.IntN(len(w.readers))
				w.readers[i].r.Close()
				w.readers = slices.Delete(w.readers, i, i+1)
			}
		}
	}
}

func (w *world) read(m *modelReader) {
	chunks, err := m.r.take()
	switch {
	case errors.Is(err, ErrLagged):
		if pin := m.at - int64(len(m.want)); w.flushed-pin <= w.log.readerLimit {
			w.t.Fatalf("reader at %d given up though the end is %d", m.at, w.flushed)
		}
		return // its bytes stay what they were: check sees to it
	case err != nil:
		w.t.Fatal(err)
	}
	m.held = slices.Clone(chunks)
	m.want = bytes.Join(chunks, nil)
	end := m.at + int64(len(m.want))
	if end > w.flushed || !bytes.Equal(m.want, w.bytes[m.at:end]) {
		w.t.Fatalf("wrong bytes at [%d, %d)", m.at, end)
	}
	if len(m.want) == 0 && m.at < w.flushed {
		w.t.Fatalf("nothing at %d though %d is flushed", m.at, w.flushed)
	}
	m.at = end
}

// check tests the invariants that hold after every step.
func (w *world) check() {
	l, end := w.log, int64(len(w.bytes))
	if l.End() != end || l.First() > max(0, end-l.limit) {
		w.t.Fatalf("[%d, %d] held of %d", l.First(), l.End(), end)
	}
	commit := l.Commit()
	if commit < w.commit || commit > w.flushed || !w.chain && l.tracker.Commit != w.flushed {
		w.t.Fatalf("commit point %d after %d, flushed %d, chain %v", commit, w.commit, w.flushed, w.chain)
	}
	w.commit = commit
	most := l.readerLimit + w.largest + end - w.flushed + 2*BlockSize
	if held := int64(len(l.blocks)) * BlockSize; held > most {
		w.t.Fatalf("%d bytes of blocks held", held)
	}
	for _, m := range w.readers {
		if w.rng.IntN(8) > 0 {
			continue // comparing is slow
		}
		if got := bytes.Join(m.held, nil); !bytes.Equal(got, m.want) {
			w.t.Fatal("bytes handed to a reader changed under it")
		}
	}
}

func TestUncommittedIsKept(t *testing.T) {
	l := NewLog(LogConfig{Position: Position{ID: testID('a')}, Limit: BlockSize, ReaderLimit: 10 * BlockSize})
	succ := cluster.Member{Name: "b", Incarnation: "1"}
	l.SetChain(1, succ, true)
	put := func(blocks int) {
		for range blocks {
			l.Append(make([]byte, BlockSize))
			l.Flush()
		}
	}
	put(8)
	if l.First() != 0 {
		t.Errorf("uncommitted bytes trimmed: first is %d", l.First())
	}
	l.Ack(1, succ, 8*BlockSize)
	put(1)
	if l.First() < 6*BlockSize {
		t.Errorf("committed bytes beyond the limit kept: first is %d", l.First())
	}
	put(40)
	if got := l.End() - l.First(); got > 11*BlockSize {
		t.Errorf("an uncommitted tail of %d bytes kept, beyond any limit", got)
	}
}

// TestGiantLagsNobody: a command that is larger than all that a reader may hold back costs nobody his place, neither
// while it comes nor while it is read, but who is behind by as much besides it is given up.
func TestGiantLagsNobody(t *testing.T) {
	const limit, size = 32 * BlockSize, 100 * BlockSize
	for _, chain := range []bool{false, true} {
		l := NewLog(LogConfig{Position: Position{ID: testID('a')}, Limit: BlockSize, ReaderLimit: limit})
		if chain {
			l.SetChain(1, cluster.Member{Name: "b", Incarnation: "1"}, true)
		}
		var want []byte
		put := func(n int) {
			p := bytes.Repeat([]byte{byte(len(want) / 7)}, n)
			want = append(want, p...)
			l.Append(p)
			l.Flush()
		}
		put(5)
		r, _, err := l.Open(Position{testID('a'), 0}, nil)
		if err != nil {
			t.Fatal(err)
		}
		put(size)
		for range limit/BlockSize - 1 {
			put(BlockSize)
		}
		var got []byte
		for len(got) < len(want) {
			chunks, err := r.Next(nil)
			if err != nil {
				t.Fatalf("chain %v: after %d of %d bytes: %v", chain, len(got), len(want), err)
			}
			got = append(got, bytes.Join(chunks, nil)...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("chain %v: other bytes were read", chain)
		}
		for range 2*limit/BlockSize + size/BlockSize {
			put(BlockSize)
		}
		if _, err := r.Next(nil); !errors.Is(err, ErrLagged) {
			t.Errorf("chain %v: far behind without a giant: %v", chain, err)
		}
	}
}

func TestReaderEnds(t *testing.T) {
	open := func(limit int64) (*Log, *Reader, *error) {
		l := NewLog(LogConfig{Position: Position{ID: testID('a')}, Limit: BlockSize, ReaderLimit: limit})
		told := new(error)
		r, _, err := l.Open(Position{testID('a'), 0}, func(err error) { *told = err })
		if err != nil {
			t.Fatal(err)
		}
		return l, r, told
	}
	l, r, told := open(0)
	l.Append([]byte("old"))
	l.ContinueAs(testID('b'))
	l.Append([]byte("new"))
	l.Flush()
	if got, err := r.Next(nil); err != nil || string(bytes.Join(got, nil)) != "old" {
		t.Errorf("before the new id: %q, %v", got, err)
	}
	if _, err := r.Next(nil); err != ErrRenamed || *told != nil {
		t.Errorf("at the new id: %v", err)
	}
	l, r, told = open(0)
	l.Reset(Position{testID('c'), 50})
	if _, err := r.Next(nil); err != ErrReset || *told != ErrReset {
		t.Errorf("after a reset: %v, told %v", err, *told)
	}
	l, r, told = open(4 * BlockSize)
	for range 8 {
		l.Append(make([]byte, BlockSize))
		l.Flush()
	}
	if _, err := r.Next(nil); err != ErrLagged || *told != ErrLagged {
		t.Errorf("far behind: %v, told %v", err, *told)
	}
	_, r, _ = open(0)
	stop := make(chan struct{})
	close(stop)
	if _, err := r.Next(stop); err != ErrStopped {
		t.Errorf("stopped: %v", err)
	}
}

func TestStartAt(t *testing.T) {
	l := NewLog(LogConfig{Position: Position{ID: testID('a')}})
	l.Append([]byte("12345"))
	l.Flush()
	r := l.OpenEnd(nil)
	l.Append([]byte("678"))
	l.Flush()
	if r.StartAt(Position{testID('b'), 7}) || r.StartAt(Position{testID('a'), 4}) ||
		!r.StartAt(Position{testID('a'), 7}) {
		t.Error("a reader starts at a snapshot of its own history, not before where it was opened")
	}
	if got, err := r.Next(nil); err != nil || string(bytes.Join(got, nil)) != "8" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAppendAllocates(t *testing.T) {
	l := NewLog(LogConfig{Limit: 4 * BlockSize})
	p := make([]byte, 1000)
	step := func() {
		for range 100 {
			l.Append(p)
		}
		l.Flush()
	}
	for range 10 {
		step()
	}
	if n := testing.AllocsPerRun(50, step); n > 0 {
		t.Errorf("%v allocations per 100 appends in steady state", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{40, 200, 4096} {
		for _, batch := range []int{1, 16} {
			b.Run(fmt.Sprintf("size=%d/batch=%d", size, batch), func(b *testing.B) {
				l := NewLog(LogConfig{})
				p := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					l.Append(p)
					if i%batch == 0 {
						l.Flush()
					}
				}
			})
		}
	}
}
