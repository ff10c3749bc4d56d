package sentinel

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// link is one connection of a client, a node or another sentinel. Its reader runs the commands; its writer sends what
// they and events have put into the session's output, so that nobody waits for a slow peer.
type link struct {
	front  *front
	conn   *membership.Conn
	origin origin
	s      *session.Session
	// the first that came here, of the only node that it speaks for; the front's lock guards it
	beats cluster.Heartbeat
	ready chan struct{} // there is output, or the session is to end
}

const (
	// outputMax bounds what waits for a peer that does not read.
	outputMax = 8 << 20
	// writePatience is how long a peer may take no bytes at all.
	writePatience = 10 * time.Second
)

// aLongTimeAgo as a deadline has a blocked Read return at once.
var aLongTimeAgo = time.Unix(1, 0)

// serve runs one connection until it ends.
func (s *Sentinel) serve(ctx context.Context, conn net.Conn) {
	l := s.newLink(conn)
	if s.front.arrive(l, s.cfg.MaxClients) {
		time.AfterFunc(server.Introduction, func() { s.front.keepOut(l) })
	}
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() { l.write(stop) })
	s.read(ctx, l)
	close(stop)
	writer.Wait()
	s.mu.Lock()
	s.lost(l)
	s.mu.Unlock()
	s.front.depart(l)
}

func (s *Sentinel) newLink(conn net.Conn) *link {
	l := &link{front: &s.front, conn: s.member.Accept(conn, membership.Quorum), ready: make(chan struct{}, 1)}
	numbered, _ := conn.(*sequencedConn)
	if numbered != nil {
		l.origin = numbered.origin
	}
	l.s = session.New(int64(l.origin.number), conn.RemoteAddr().String(), conn.LocalAddr().String(), s.now(), l.wake)
	l.s.W.Buf = nil // of thousands who never say anything none is kept
	l.s.Authenticated = s.cfg.RequirePass == ""
	l.s.Socket = l.conn.Conn // which ends without TLS's last word, which could block
	if numbered != nil {
		numbered.proves = func() { l.s.Proving.Store(true) }
	}
	return l
}

// wake has the writer look at the session's output and state. The caller holds the front's lock.
func (l *link) wake() {
	if l.s.Aborted() {
		_ = l.s.Socket.Close() // its reader notices; that it is closed already would be no news
	}
	wake(l.ready)
}

// read takes in commands until the peer or a command ends the connection.
func (s *Sentinel) read(ctx context.Context, l *link) {
	l.s.In.SetLimits(s.limits(l))
	for first := true; !l.front.closing(l); {
		n, err := l.receive()
		if l.isMember() && first {
			s.front.proven(l, l.conn.Peer().Name)
			l.s.In.SetLimits(s.limits(l))
		}
		first = first && n == 0
		for !l.front.closing(l) {
			args, perr := l.s.In.Next()
			if perr != nil {
				l.refuse(perr)
				return
			}
			if args == nil {
				break
			}
			s.dispatch(ctx, l, args)
			l.s.In.SetLimits(s.limits(l)) // it may have authenticated
		}
		l.s.NoteInput()
		s.limitMemory()
		if err != nil {
			s.log.Debug("connection ended", "addr", l.conn.RemoteAddr(), "error", err)
			return
		}
	}
}

// isMember says whether the other end has proven to be a member of the group. It is for whoever reads.
func (l *link) isMember() bool { return l.conn.Peer().Kind != "" }

// receive reads what has come. Who has not begun a command needs no buffer for it: of thousands who never do none is
// kept.
func (l *link) receive() (n int, err error) {
	p := &l.s.In
	if p.Buffered() > 0 {
		n, err = l.conn.Read(p.Space(0))
	} else {
		var begin [512]byte
		n, err = l.conn.Read(begin[:])
		if n > 0 {
			copy(p.Space(n), begin[:n])
		}
	}
	p.Fill(n)
	return n, err
}

// limits keep a peer from making a sentinel hold much: what it gets to read is small. The reports of other sentinels
// may be larger.
func (s *Sentinel) limits(l *link) resp.Limits {
	waits := !l.s.Authenticated
	if s.member == nil || l.isMember() {
		return resp.Limits{MaxBulk: 4 << 20, MaxArgs: 1024, MaxQuery: 16 << 20, Unauthenticated: waits}
	}
	return resp.Limits{MaxBulk: 64 << 10, MaxArgs: 1024, MaxQuery: 1 << 20, Unauthenticated: waits}
}

// refuse answers bytes that are no command, as Redis does; after it the connection ends.
func (l *link) refuse(err error) {
	if errors.Is(err, resp.ErrQueryLimit) {
		return
	}
	var w resp.Writer
	w.Error(err)
	l.front.send(l, w.Buf)
}

// write sends what may leave until stop, and then the rest of it.
func (l *link) write(stop <-chan struct{}) {
	for last := false; !last; {
		select {
		case <-l.ready:
		case <-stop:
			last = true
		}
		if !l.flush() {
			// The reader ends with the connection; that it is closed already would be no news.
			_ = l.conn.Close()
			return
		}
		if !last && l.front.closing(l) {
			// It has the reader return; where that fails the connection has ended already.
			_ = l.conn.SetReadDeadline(aLongTimeAgo)
		}
	}
}

// flush writes the session's output. It reports false when the peer takes no more.
func (l *link) flush() bool {
	for {
		p, _ := l.s.Out.Take(0)
		if len(p) == 0 {
			return true
		}
		err := l.conn.SetWriteDeadline(time.Now().Add(writePatience))
		if err == nil {
			_, err = l.conn.Write(p)
		}
		if l.s.Out.Done(p); err != nil { // also then: what was taken is held no more
			return false
		}
	}
}
