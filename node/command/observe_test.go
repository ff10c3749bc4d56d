package command

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// lines are what a client in MONITOR was shown, without the times.
func (e *testEnv) lines(c *Context) []string {
	e.t.Helper()
	text := string(c.S.W.Buf)
	c.S.W.Buf = c.S.W.Buf[:0]
	text = regexp.MustCompile(`(?m)^\+\d+\.\d{6} `).ReplaceAllString(text, "")
	return strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
}

func TestMonitorShowsCommandsInOrder(t *testing.T) {
	e := newTestEnv(t)
	m := e.client()
	if got := e.doAs(m, "monitor"); got != "+OK" {
		t.Fatal(got)
	}
	if got := e.doAs(m, "monitor"); got != "" {
		t.Fatal("a second MONITOR got", got)
	}
	e.run([]step{
		{`set k "a\"\\\n\x00\xff"`, "+OK"}, {"multi", "+OK"}, {"incr n", "+QUEUED"}, {"exec", "[:1]"},
		{"config get hz", `["hz" "10"]`}, // administration is not shown
		{"multi", "+OK"}, {"nonsense", "-ERR unknown command 'nonsense', with args beginning with: "},
		{"EXEC", "-EXECABORT Transaction discarded because of previous errors."}, {"select 3", "+OK"},
		{"auth secret", "-" + string(errNoPassword)}, {"hello 2 auth me secret", "-" + string(errWrongPass)},
	})
	want := []string{
		`[0 127.0.0.1:1000] "set" "k" "a\"\\\n\x00\xff"`, `[0 127.0.0.1:1000] "multi"`, `[0 127.0.0.1:1000] "incr" "n"`,
		`[0 127.0.0.1:1000] "exec"`, `[0 127.0.0.1:1000] "multi"`, `[0 127.0.0.1:1000] "EXEC"`,
		`[3 127.0.0.1:1000] "select" "3"`,
		`[3 127.0.0.1:1000] "auth" "(redacted)"`, `[3 127.0.0.1:1000] "hello" "2" "auth" "(redacted)" "(redacted)"`,
	}
	if got := e.lines(m); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("shown\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := e.doAs(m, "get", "k"); got != "-ERR Replica can't interact with the keyspace" {
		t.Error(got)
	}
	if got := e.doAs(m, "reset"); !strings.HasSuffix(got, "+RESET") {
		t.Error(got)
	}
	e.do("ping")
	if len(m.S.W.Buf) > 0 || len(e.monitors) > 0 {
		t.Errorf("still shown after RESET: %q", m.S.W.Buf)
	}
}

func TestSlowLog(t *testing.T) {
	e := newTestEnv(t)
	e.do("config", "set", "slowlog-log-slower-than", "0", "slowlog-max-len", "4")
	e.do("slowlog", "reset")
	e.do("client", "setname", "me")
	long := strings.Repeat("x", 130)
	many := append([]string{"exists"}, strings.Fields(strings.Repeat("k ", 33))...)
	e.do("set", "k", long)
	e.do(many...)
	e.do("config", "set", "masterauth", "secret")
	e.run([]step{{"slowlog len", ":4"}, {"slowlog get 0", "[]"}})
	e.do("config", "set", "slowlog-log-slower-than", "-1")
	var args []string
	for _, entry := range e.slow.entries {
		if entry.client != "me" || entry.addr != "127.0.0.1:1000" || entry.at != e.now/1000 {
			t.Errorf("entry %+v", entry)
		}
		args = append(args, strings.Join(entry.args, " "))
	}
	want := []string{
		"exists" + strings.Repeat(" k", 30) + " ... (3 more arguments)", "config set masterauth (redacted)",
		"slowlog len", "slowlog get 0",
	}
	if strings.Join(args, "\n") != strings.Join(want, "\n") {
		t.Errorf("kept\n%s\nwant\n%s", strings.Join(args, "\n"), strings.Join(want, "\n"))
	}
	if got := shortened(byteArgs([]string{long})); got[0] != strings.Repeat("x", 128)+"... (2 more bytes)" {
		t.Error(got)
	}
	e.do("config", "set", "slowlog-max-len", "1")
	e.run([]step{{"slowlog len", ":1"}, {"slowlog reset", "+OK"}, {"slowlog get -1", "[]"}})
}

func TestLatencyMonitor(t *testing.T) {
	e := newTestEnv(t)
	e.NoteLatency("command", time.Second)
	e.run([]step{{"latency latest", "[]"}}) // it is off
	e.do("config", "set", "latency-monitor-threshold", "100")
	e.NoteLatency("command", 99*time.Millisecond)
	e.run([]step{{"latency history command", "[]"}})
	var s latencySeries
	for i := range int64(latencySamples + 5) {
		s.add(i, 100+i)
		s.add(i, 50)
	}
	if len(s.samples) != latencySamples || s.samples[0] != (latencySample{5, 105}) || s.max != 264 {
		t.Errorf("%d samples from %v, worst %d", len(s.samples), s.samples[0], s.max)
	}
	if sum := s.summary(latencySamples + 5); sum.average != 184 || sum.deviation != 40 || sum.period != 1 {
		t.Errorf("%+v", sum)
	}
	e.latency["command"] = &s
	e.latency["fast-command"] = &latencySeries{samples: []latencySample{{10, 200}, {11, 300}}, max: 500}
	e.run([]step{
		{"latency latest", `[["command" :164 :264 :264] ["fast-command" :11 :300 :500]]`},
		{"latency history fast-command", "[[:10 :200] [:11 :300]]"},
		{"latency graph nope", "-ERR No samples available for event 'nope'"},
		{"latency reset nope COMMAND", ":1"}, {"latency reset", ":1"}, {"latency latest", "[]"},
	})
}

func TestLatencyGraph(t *testing.T) {
	s := latencySeries{max: 90}
	for i, ms := range []int64{10, 30, 80, 45} {
		s.add(int64(i)*100, ms)
	}
	want := "command - high 80 ms, low 10 ms (all time high 90 ms)\n" + strings.Repeat("-", 80) + "\n" +
		"  #\n  #\n _##\n_###\n\n5310\nmmms\n"
	if got := s.graph("command", 300); got != want {
		t.Errorf("graph\n%s\nwant\n%s", got, want)
	}
}

func TestLatencyHistogram(t *testing.T) {
	e := newTestEnv(t)
	var h Histogram
	for _, d := range []time.Duration{500, 900, 3000, 5000, 5000, 100_000} {
		h.Observe(d)
	}
	e.Stats.PerCommand["get"] = &CommandStat{Latency: h}
	e.run([]step{
		{"latency histogram get nonsense", `["get" ["calls" :6 "histogram_usec" [:1 :2 :4 :3 :8 :5 :132 :6]]]`},
		{"latency histogram nonsense", "[]"},
	})
}
