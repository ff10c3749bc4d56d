package compat

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// newFollowedPair is a pair that compares what both send to replicas, too.
func newFollowedPair(t *testing.T) *pair {
	t.Helper()
	p := newPair(t)
	for i, addr := range p.addr {
		s, err := newStream(addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.close)
		p.streams[i] = s
	}
	return p
}

// TestEffects compares what the commands send to replicas.
func TestEffects(t *testing.T) {
	p := newFollowedPair(t)
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	rounds := (knob(t, "COMPAT_ROUNDS", defaultRounds) + 1) / 2
	t.Logf("COMPAT_SEED=%d COMPAT_ROUNDS=%d", first, rounds)
	for seed := first; seed < first+rounds; seed++ {
		ops := generate(seed, roundLength)
		done, err := p.run(ops)
		if err != nil {
			t.Fatalf("seed %d, operation %d of %d: %s", seed, done, len(ops), explain(p, ops[:done], err))
		}
	}
}

// TestEffectsOfNothing: what is passed on although it changes nothing, and what is not.
func TestEffectsOfNothing(t *testing.T) {
	p := newFollowedPair(t)
	var ops []op
	for _, line := range []string{
		"set key value", "flushdb", "set key value2", "flushdb", "flushdb", "flushdb", "set key value", "flushall",
		"set key value2", "flushall", "flushall", "flushall",
		"set foo bar", "getex foo", "getex foo persist", "expire foo -1", "expire foo -1", "del foo", "sadd s a",
		"sadd s a", "spop s 0", "spop s 1", "spop s", "lmpop 1 l left", "zmpop 1 z min",
	} {
		ops = append(ops, op{args: strings.Fields(line)})
	}
	if done, err := p.run(ops); err != nil {
		t.Fatalf("operation %d: %s", done, err)
	}
}

// stream is a server's replication stream, after a full sync whose data are thrown away.
type stream struct {
	*conn        // the replica
	marker *conn // a client, which publishes
	marks  int
	db     string
}

func newStream(addr string) (*stream, error) {
	s := &stream{}
	var err error
	if s.conn, err = dial(addr); err != nil {
		return nil, err
	}
	if s.marker, err = dial(addr); err != nil {
		return nil, err
	}
	if err := s.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, err
	}
	if _, err := s.Write([]byte("SYNC\r\n")); err != nil {
		return nil, err
	}
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, found := strings.CutPrefix(strings.TrimSpace(line), "$")
		if !found {
			continue // newlines keep the connection alive
		}
		n, err := strconv.ParseInt(size, 10, 64)
		if err == nil {
			_, err = io.CopyN(io.Discard, s.r, n)
		}
		return s, err
	}
}

func (s *stream) close() {
	s.conn.close()
	s.marker.close()
}

// next is what was sent since the last call, each command with its database.
func (s *stream) next() ([][]string, error) {
	s.marks++
	mark := fmt.Sprintf("mark %d", s.marks)
	if _, err := s.marker.do("PUBLISH", "compat", mark); err != nil {
		return nil, err
	}
	if err := s.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, err
	}
	var list [][]string
	for {
		r, err := s.receive()
		if err != nil {
			return nil, err
		}
		args := make([]string, len(r.elems))
		for i, e := range r.elems {
			args[i] = e.text
		}
		if len(args) == 0 {
			continue
		}
		switch name := strings.ToLower(args[0]); {
		case name == "publish" && args[len(args)-1] == mark:
			return list, nil
		case name == "select":
			s.db = args[1]
		case name == "script": // which scripts there are is Holdfast's to tell
		case name != "ping" && name != "replconf":
			list = append(list, append([]string{s.db}, args...))
		}
	}
}

// sameEffects compares what the last operation sent. Where keys expire in the order of an iteration, theirs doesn't
// matter.
func (p *pair) sameEffects(o op) error {
	var sent [2][][]string
	for i, s := range p.streams {
		list, err := s.next()
		if err != nil {
			return err
		}
		if cursorAt(commandName(o.args)) > 0 || commandName(o.args) == "randomkey" {
			slices.SortFunc(list, slices.Compare)
		}
		sent[i] = list
	}
	dropReading(&sent)
	if slices.EqualFunc(sent[0], sent[1], sameEffect) || p.mayFailToWrite(o) || p.inOtherWords(o) {
		return nil
	}
	return &difference{o, effectsReply(sent[0]), effectsReply(sent[1])}
}

// dropReading drops what Holdfast passes on of XREADGROUP, and Redis doesn't: the group's counter, consumers that were
// created, and that an entry which was pending was delivered once more.
func dropReading(sent *[2][][]string) {
	reads := func(args []string) bool {
		return strings.EqualFold(args[1], "xclaim") || strings.EqualFold(args[1], "xgroup")
	}
	if !slices.ContainsFunc(sent[0], reads) && !slices.ContainsFunc(sent[1], reads) {
		return
	}
	for i, list := range sent {
		sent[i] = slices.DeleteFunc(list, func(args []string) bool {
			switch strings.ToLower(args[1]) {
			case "multi", "exec":
				return true
			case "xgroup":
				return args[1] == "XGROUP" && (args[2] == "SETID" || args[2] == "CREATECONSUMER")
			case "xclaim":
				return len(args) > 10 && args[9] == "RETRYCOUNT" && args[10] != "1"
			}
			return false
		})
	}
}

// mayFailToWrite reports a BITFIELD whose writes may all fail: when it created the key nevertheless, Redis doesn't pass
// that on.
func (p *pair) mayFailToWrite(o op) bool {
	list := [][]string{o.args}
	if commandName(o.args) == "exec" {
		list = p.queue[o.client]
	}
	return slices.ContainsFunc(list, func(args []string) bool {
		return commandName(args) == "bitfield" &&
			slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "fail") })
	})
}

// inOtherWords reports a command of which Holdfast sends what it came to: the members of a search that was stored, the
// bytes of a HyperLogLog. That replicas of both have the same then, TestReplicas shows.
func (p *pair) inOtherWords(o op) bool {
	list := [][]string{o.args}
	if commandName(o.args) == "exec" {
		list = p.queue[o.client]
	}
	return slices.ContainsFunc(list, func(args []string) bool {
		switch commandName(args) {
		case "georadius", "georadiusbymember", "geosearchstore", "pfadd", "pfcount", "pfmerge", "pfdebug":
			return true
		}
		return false
	})
}

// sameEffect allows the clock to have gone on between the servers. The payload of a RESTORE is what the other server
// has made.
func sameEffect(a, b []string) bool {
	const payload = 4
	if len(a) > payload && len(b) > payload && strings.EqualFold(a[1], "restore") && a[1] == b[1] {
		a, b = slices.Delete(slices.Clone(a), payload, payload+1), slices.Delete(slices.Clone(b), payload, payload+1)
	}
	return slices.EqualFunc(a, b, func(x, y string) bool {
		m, errM := strconv.ParseInt(x, 10, 64)
		n, errN := strconv.ParseInt(y, 10, 64)
		return x == y || errM == nil && errN == nil && m > 1e12 && n > 1e12 && m-n < 5000 && n-m < 5000
	})
}

func effectsReply(list [][]string) reply {
	text := "effects:"
	for _, args := range list {
		text += fmt.Sprintf("\n    %q", args)
	}
	return reply{raw: []byte(text)}
}
