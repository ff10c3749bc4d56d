package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestReadRate(t *testing.T) {
	const out = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"123456.78\",\"0.2\"\n"
	if got, err := readRate(out, "SET"); err != nil || got != 123456.78 {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := readRate(out, "GET"); err == nil {
		t.Fatal("a figure for a command that was not measured")
	}
}

func TestMedianRatioIsTakenWithinRounds(t *testing.T) {
	// The second round found a machine half as fast: the ratio must not notice.
	same := func(f float64) float64 { return f }
	if got := medianRatio([]float64{200, 100, 210}, []float64{100, 50, 105}, same); got != 2 {
		t.Fatal(got)
	}
	if got := medianOf([]float64{4, 1, 3, 2}, same); got != 2.5 {
		t.Fatal(got)
	}
	if got := median(nil); got != 0 {
		t.Fatal(got)
	}
}

func TestPutDigits(t *testing.T) {
	b := []byte("xxxxx")
	putDigits(b, 307)
	if string(b) != "00307" {
		t.Fatal(string(b))
	}
}

func TestPipelineIsRenderedAndDrawn(t *testing.T) {
	p := newPipeline(workload{command: benchCommand{words: []string{"GET", "key:" + number}, reply: "$"}, depth: 2,
		wait: waitEach})
	p.draw(rand.New(rand.NewPCG(1, 1)))
	commands := strings.SplitAfter(string(p.text), "*2\r\n")[1:]
	if len(commands) != 2 || commands[0] == commands[1] {
		t.Fatalf("%q", p.text)
	}
	for _, c := range commands {
		if rest, ok := strings.CutPrefix(c, "$3\r\nGET\r\n$16\r\nkey:0000000"); !ok ||
			!strings.Contains(rest, "\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n") {
			t.Fatalf("%q", c)
		}
	}
	if got := strings.Join(p.replies, " "); got != "$ :2\r\n $ :2\r\n" {
		t.Fatalf("%q", got)
	}
}

func TestWaitInARoundTripOfItsOwn(t *testing.T) {
	p := newPipeline(workload{command: setString, depth: 1, wait: waitThen})
	if strings.Contains(string(p.text), "WAIT") || string(p.then) != "*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$1\r\n0\r\n" {
		t.Fatalf("%q, then %q", p.text, p.then)
	}
	if got := strings.Join(p.replies, " "); got != "+OK :2\r\n" {
		t.Fatalf("%q", got)
	}
}

func TestScanReply(t *testing.T) {
	for _, c := range []struct {
		reply, expected string
		fails           bool
	}{
		{"+OK\r\n", "+OK", false},
		{"-ERR no\r\n", "+OK", true},
		{":3\r\n", replicasAck, true},
		{":2\r\n", replicasAck, false},
		{"$-1\r\n", "$", false},
		{"$0\r\n\r\n", "$", false},
		{"$7\r\na\r\nb\r\nc\r\n", "$", false},
		{"*0\r\n", "*", false},
		{"*-1\r\n", "*", false},
		{"*3\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n", "*", false},
		{"$x\r\n", "$", true},
	} {
		more := []byte(c.reply + "+next")
		end, err := scanReply(more, c.expected)
		if (err != nil) != c.fails || err == nil && end != len(c.reply) {
			t.Errorf("%q: it ends at %d, %v", c.reply, end, err)
		}
		for n := range len(c.reply) {
			if end, err := scanReply(more[:n], c.expected); end != 0 || err != nil && !c.fails {
				t.Errorf("%q: it ends at %d, %v", c.reply[:n], end, err)
			}
		}
	}
}
