package sentinel

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// numbering is a listener that numbers what it accepts, see watch.hear.
type numbering struct {
	net.Listener
	now  func() time.Time
	last atomic.Uint64
}

// numbered is an accepted connection with its place in the order.
type numbered struct {
	net.Conn
	origin origin
}

// Accept waits for the next connection.
func (n *numbering) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &numbered{Conn: conn, origin: origin{number: n.last.Add(1), accepted: n.now()}}, nil
}

// accepted is how many connections there have been.
func (s *Sentinel) accepted() uint64 { return s.ports.last.Load() }

// link is one connection of a client, a node or another sentinel. Its reader runs the commands; its writer sends what
// commands and events have queued, so that nobody waits for a slow peer.
type link struct {
	conn   net.Conn
	origin origin

	// Owned by the reader.
	authed      bool
	channels    map[string]struct{}
	patterns    map[string]struct{}
	closing     bool // after the replies queued so far
	lib, libVer string

	mu       sync.Mutex // protects what follows
	name     string
	proto    int
	group    string // of the node that sends heartbeats here
	lastCmd  string
	lastAt   time.Time
	subs     int
	queue    []byte
	overflow bool
	ready    chan struct{} // the queue is not empty
}

// queueMax bounds what is queued for a peer that does not read.
const queueMax = 8 << 20

// writePatience is how long a peer may take no bytes at all.
const writePatience = 10 * time.Second

// push is one message for one link.
type push struct {
	link *link
	data []byte
}

// send queues bytes. It never blocks; a peer that lets too much pile up loses the connection.
func (l *link) send(data []byte) {
	l.mu.Lock()
	l.enqueue(data)
	l.mu.Unlock()
}

func (l *link) enqueue(data []byte) {
	if len(l.queue)+len(data) > queueMax {
		l.overflow = true
	} else {
		l.queue = append(l.queue, data...)
	}
	wake(l.ready)
}

// push queues a message in the protocol of the link; see subscriber.
func (l *link) push(write func(w *resp.Writer)) {
	l.mu.Lock()
	w := resp.Writer{Proto: l.proto}
	write(&w)
	l.enqueue(w.Buf)
	l.mu.Unlock()
}

// serve runs one connection until it ends.
func (s *Sentinel) serve(ctx context.Context, conn net.Conn) {
	l := &link{
		conn: conn, authed: s.cfg.RequirePass == "", proto: 2, ready: make(chan struct{}, 1),
		channels: map[string]struct{}{}, patterns: map[string]struct{}{}, lastAt: s.now(),
	}
	if n, ok := conn.(*numbered); ok {
		l.origin = n.origin
	}
	s.mu.Lock()
	s.links[l.origin.number] = l
	s.mu.Unlock()
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() { l.write(stop) })
	s.read(ctx, l)
	close(stop)
	writer.Wait()
	for channel := range l.channels {
		s.hub.unsubscribe(l, channel, false)
	}
	for pattern := range l.patterns {
		s.hub.unsubscribe(l, pattern, true)
	}
	s.mu.Lock()
	s.lost(l)
	delete(s.links, l.origin.number)
	s.mu.Unlock()
}

// read takes in commands until the peer or a command ends the connection.
func (s *Sentinel) read(ctx context.Context, l *link) {
	var p resp.Parser
	p.SetLimits(l.limits())
	for !l.closing {
		n, err := l.conn.Read(p.Space(0))
		if n > 0 {
			p.Fill(n)
		}
		for !l.closing {
			args, perr := p.Next()
			if perr != nil {
				l.refuse(perr)
				return
			}
			if args == nil {
				break
			}
			was := l.authed
			s.dispatch(ctx, l, args)
			if l.authed != was {
				p.SetLimits(l.limits())
			}
		}
		if err != nil {
			return
		}
	}
}

// limits keep a peer from making a sentinel hold much: what it gets to read is small.
func (l *link) limits() resp.Limits {
	return resp.Limits{MaxBulk: 4 << 20, MaxArgs: 1024, MaxQuery: 16 << 20, Unauthenticated: !l.authed}
}

// refuse answers bytes that are no command, as Redis does; after it the connection ends.
func (l *link) refuse(err error) {
	if errors.Is(err, resp.ErrQueryLimit) {
		return
	}
	var w resp.Writer
	w.Error(err)
	l.send(w.Buf)
}

// write sends the queue until stop, and then the rest of it.
func (l *link) write(stop <-chan struct{}) {
	for last := false; ; {
		select {
		case <-l.ready:
		case <-stop:
			last = true
		}
		l.mu.Lock()
		data, overflow := l.queue, l.overflow
		l.queue = nil
		l.mu.Unlock()
		if overflow {
			break
		}
		if len(data) > 0 {
			if l.conn.SetWriteDeadline(time.Now().Add(writePatience)) != nil {
				break
			}
			if _, err := l.conn.Write(data); err != nil {
				break
			}
		}
		if last {
			return
		}
	}
	// The reader ends with the connection; that it is closed already would be no news.
	_ = l.conn.Close()
}

// call is what a command's function gets: the sentinel and the connection.
type call struct {
	*Sentinel
	ctx  context.Context
	link *link
	sub  bool // it was forwarded by another sentinel and must be answered here
}

// Errors of the dispatcher, in Redis's words.
const (
	errNoAuth = resp.Error("NOAUTH Authentication required.")
)

// dispatch is the one place where a command of a connection runs.
func (s *Sentinel) dispatch(ctx context.Context, l *link, args [][]byte) {
	w := &resp.Writer{Proto: l.proto}
	cmd, err := s.table.Lookup(args)
	switch {
	case err == nil && !l.authed && cmd.Flags&resp.NoAuth == 0:
		err = errNoAuth
	case err == nil && l.proto != 3 && len(l.channels)+len(l.patterns) > 0 && !allowedSubscribed(cmd.FullName()):
		err = resp.Error("ERR Can't execute '" + cmd.FullName() + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	}
	if err == nil {
		l.note(cmd.FullName(), s.now())
		s.commands.Add(1)
		err = cmd.Run(&call{Sentinel: s, ctx: ctx, link: l}, args, w)
	}
	if err != nil {
		w.Error(err)
	}
	l.send(w.Buf)
}

func allowedSubscribed(name string) bool {
	switch name {
	case "subscribe", "psubscribe", "unsubscribe", "punsubscribe", "ping", "quit", "reset":
		return true
	}
	return false
}

func (l *link) note(cmd string, now time.Time) {
	l.mu.Lock()
	l.lastCmd, l.lastAt = cmd, now
	l.mu.Unlock()
}

// pushesOf are the messages that tell a group's nodes its new state. The caller holds mu and sends them afterwards.
func (s *Sentinel) pushesOf(g cluster.Group) []push {
	data, err := json.Marshal(g)
	if err != nil {
		s.log.Error("cannot encode a group", "group", g.Name, "error", err)
		return nil
	}
	w := resp.Writer{Proto: 3}
	w.Push(3)
	w.BulkString("holdfast")
	w.BulkString("group")
	w.Bulk(data)
	var pushes []push
	for _, l := range s.links {
		l.mu.Lock()
		node := l.group == g.Name
		l.mu.Unlock()
		if node {
			pushes = append(pushes, push{l, w.Buf})
		}
	}
	return pushes
}
