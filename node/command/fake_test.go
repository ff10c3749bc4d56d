package command

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/store"
	"holdfast/node/transfer"
	"holdfast/resp"
	"holdfast/server/session"
)

// fakeNode is a node of which only what most commands ask for is there; a test that needs more embeds it.
type fakeNode struct {
	Replication
	Persistence
	replica    bool
	stale      bool
	unknown    bool // whether it is
	loading    bool
	saveFailed bool
	gated      bool
	good       int
	paused     time.Time
	writesOnly bool
	master     func() bool // nil: unless it is a replica
}

func (n *fakeNode) SaveFailed() bool  { return n.saveFailed }
func (n *fakeNode) WriteError() error { return nil }
func (n *fakeNode) Freshness(member.Confirmation) member.Freshness {
	switch {
	case n.stale:
		return member.Stale
	case n.unknown:
		return member.Unknown
	}
	return member.Fresh
}
func (n *fakeNode) SendsAway() bool           { return false }
func (n *fakeNode) MasterAddr() (string, int) { return "", 0 }
func (n *fakeNode) GoodReplicas(int64) int    { return n.good }

// pause is what it holds back.
func (n *fakeNode) pause() engine.Pause {
	switch {
	case n.paused.IsZero():
		return engine.NoPause
	case n.writesOnly:
		return engine.PauseWrites
	}
	return engine.PauseAll
}

// fakeRole is what the engine sees of a fakeNode.
type fakeRole struct {
	engine.Node
	n *fakeNode
}

func (r fakeRole) Role() engine.Role {
	master := !r.n.replica
	if r.n.master != nil {
		master = r.n.master()
	}
	return engine.Role{Master: master, Logs: true, Gated: r.n.gated, Gates: true, Pause: r.n.pause()}
}

// testEnv is an Env with one client, and what a test looks at.
type testEnv struct {
	*Env
	t    testing.TB
	node *fakeNode
	now  int64 // unix milliseconds
	c    *Context
}

func newTestEnv(t testing.TB) *testEnv {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	node := &fakeNode{}
	env := NewEnv(EnvConfig{
		// what is begun in the background never comes to run
		Engine: engine.New(engine.Config{Node: fakeRole{n: node}, Go: func(func()) {}}),
		GoLast: func(func()) {}, Transfers: transfer.Config{Context: t.Context()},
		Store: store.New(16, rng), Config: config.Default(), Replication: node, Logger: slog.New(slog.DiscardHandler),
		Rand: rng, RunID: strings.Repeat("a", 40), Version: "test", Started: time.Unix(1e9, 0),
	})
	env.Persist = node
	env.Engine.NoteRole()
	e := &testEnv{Env: env, t: t, node: node, now: 1_700_000_000_000}
	e.c = e.client()
	return e
}

// client is another connection.
func (e *testEnv) client() *Context {
	s := session.New(int64(e.Clients.Len()+1), "127.0.0.1:1000", "127.0.0.1:6379", time.UnixMilli(e.now), func() {})
	e.Clients.Add(s)
	return e.NewContext(s)
}

// do runs a command of the first client and renders its reply.
func (e *testEnv) do(args ...string) string {
	e.t.Helper()
	return e.doAs(e.c, args...)
}

// doAs is do for another client.
func (e *testEnv) doAs(c *Context, args ...string) string {
	e.t.Helper()
	e.Engine.Lock() // a client's wait may end by itself
	defer e.Engine.Unlock()
	c.Now = e.now
	e.Engine.Data.Loading = e.node.loading
	e.Engine.NoteRole()
	e.Admit(c)
	if e.Execute(c, byteArgs(args)) == Deferred {
		return "deferred"
	}
	out := c.S.W.Tail(0)
	c.S.W.Truncate(0)
	return renderAll(e.t, out)
}

// changed has a key change, and answers where in the log.
func (e *testEnv) changed(db int, key string) int64 {
	e.t.Helper()
	e.Engine.Append()
	e.Engine.KeyChanged(db, []byte(key))
	e.Effects.Add(db, []byte("changed"))
	return e.Engine.Append()
}

// apply runs a command as the predecessor's log has it.
func (e *testEnv) apply(args ...string) {
	e.t.Helper()
	e.c.Now = e.now
	if err := e.ApplyEffect(e.c, byteArgs(args), false); err != nil {
		e.t.Fatalf("apply %q: %v", args, err)
	}
	e.c.Apply = false
}

// effects takes what the commands since the last call put into the log, one line a command.
func (e *testEnv) effects() string {
	e.t.Helper()
	var lines []string
	for _, words := range e.effectList() {
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

// effectList is effects word by word.
func (e *testEnv) effectList() (list [][]string) {
	e.t.Helper()
	var log []byte
	e.Effects.Flush(func(p []byte) { log = append(log, p...) })
	r := resp.NewReader(bytes.NewReader(log))
	for {
		v, err := r.ReadValue()
		if err == io.EOF {
			return list
		}
		if err != nil {
			e.t.Fatalf("effects %q: %v", log, err)
		}
		words := make([]string, len(v.Elems))
		for i, w := range v.Elems {
			words[i] = string(w.Str)
		}
		list = append(list, words)
	}
}

// step is one command with the reply that it must get.
type step struct{ command, want string }

// run executes commands in order, each a line of words; a word in double quotes is a Go string.
func (e *testEnv) run(steps []step) {
	e.t.Helper()
	for _, s := range steps {
		if got := e.do(words(e.t, s.command)...); got != s.want {
			e.t.Errorf("%s\n got %s\nwant %s", s.command, got, s.want)
		}
	}
}

func words(t testing.TB, line string) []string {
	t.Helper()
	var list []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			list, line = append(list, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list, line = append(list, word), line[len(quoted):]
	}
	return list
}

func byteArgs(args []string) [][]byte {
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i] = []byte(a)
	}
	return list
}

func renderAll(t testing.TB, wire []byte) string {
	t.Helper()
	r := resp.NewReader(bytes.NewReader(wire))
	var texts []string
	for {
		v, err := r.ReadValue()
		if err == io.EOF {
			return strings.Join(texts, " ")
		}
		if err != nil {
			t.Fatalf("reply %q: %v", wire, err)
		}
		texts = append(texts, render(v))
	}
}

// render shows a reply: +OK, -ERR text, :1, "text", nil, [..], {..} for a map, and the type's byte before other
// aggregates.
func render(v resp.Value) string {
	switch {
	case v.Null:
		return "nil"
	case v.Kind == resp.KindSimple || v.Kind == resp.KindError:
		return string(v.Kind) + string(v.Str)
	case v.Kind == resp.KindInt:
		return ":" + strconv.FormatInt(v.Int, 10)
	case v.Kind == resp.KindBulk:
		return strconv.Quote(string(v.Str))
	case len(v.Elems) > 0 || v.Kind == resp.KindArray || v.Kind == resp.KindMap || v.Kind == resp.KindSet ||
		v.Kind == resp.KindPush:
		texts := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			texts[i] = render(e)
		}
		body := strings.Join(texts, " ")
		switch v.Kind {
		case resp.KindArray:
			return "[" + body + "]"
		case resp.KindMap:
			return "{" + body + "}"
		}
		return string(v.Kind) + "[" + body + "]"
	}
	return string(v.Kind) + v.String()
}
