package membership

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"holdfast/internal/rules"
)

// Conn is an accepted connection whose first byte tells whose it is: a member's begins with a handshake, in which it
// proves itself, and is in TLS from then on; any other says what it has to say at once. It finds out in the first Read;
// nothing may be written before.
type Conn struct {
	net.Conn
	m    *Member
	line Line
	only string // kind; empty: anybody

	begun bool // of the one who reads, as peer
	peer  Peer
	tls   atomic.Pointer[tls.Conn]
}

// Accept takes in a connection, of a member or not.
func (m *Member) Accept(conn net.Conn, line Line) *Conn { return &Conn{Conn: conn, m: m, line: line} }

// AcceptMember takes in a connection that must be one of a member of that kind. Without a key it is taken for one.
func (m *Member) AcceptMember(conn net.Conn, line Line, kind string) *Conn {
	c := m.Accept(conn, line)
	if rules.ProofForRaft && m != nil {
		c.only = kind
	}
	return c
}

// Peer is who has proven itself, once the first Read has returned; its Kind is empty for anybody else. It is for
// whoever reads.
func (c *Conn) Peer() Peer { return c.peer }

// Read reads, at first the handshake.
func (c *Conn) Read(p []byte) (int, error) {
	if t := c.tls.Load(); t != nil {
		return t.Read(p)
	}
	if c.begun || len(p) == 0 {
		return c.Conn.Read(p)
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	c.begun = true
	switch {
	case p[0] == Hello && c.m == nil:
		return 0, ErrNoKey
	case p[0] == Hello:
		t, peer, err := c.m.server(context.Background(), &replayed{Conn: c.Conn, head: bytes.Clone(p[:n])}, c.line)
		if err == nil && c.only != "" && peer.Kind != c.only {
			err = fmt.Errorf("%s may not connect here", peer)
		}
		if err != nil {
			return 0, err
		}
		c.peer = peer
		c.tls.Store(t)
		return t.Read(p)
	case c.only != "":
		return 0, ErrStranger
	}
	return n, err
}

// Write writes.
func (c *Conn) Write(p []byte) (int, error) {
	if t := c.tls.Load(); t != nil {
		return t.Write(p)
	}
	return c.Conn.Write(p)
}

// Close closes the connection.
func (c *Conn) Close() error {
	if t := c.tls.Load(); t != nil {
		return t.Close()
	}
	return c.Conn.Close()
}

// replayed gives back what was read already.
type replayed struct {
	net.Conn
	head []byte
}

func (r *replayed) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// recordHeader is the length of what begins a TLS record: its type, a version, and in the last two bytes how long the
// rest is.
const recordHeader = 5

// records reads TLS records from a connection, and never a byte past the end of the one in hand. So what comes behind
// the last record of a handshake is left to whoever reads the connection next.
type records struct {
	net.Conn
	head []byte // read already

	header [recordHeader]byte
	got    int // bytes of it
	body   int // bytes left of what follows it
}

func (r *records) Read(p []byte) (n int, err error) {
	left := r.body
	if r.got < recordHeader {
		left = recordHeader - r.got
	}
	if p = p[:min(len(p), left)]; len(r.head) > 0 {
		n = copy(p, r.head)
		r.head = r.head[n:]
	} else {
		n, err = r.Conn.Read(p)
	}
	if r.got < recordHeader {
		r.got += copy(r.header[r.got:], p[:n])
		r.body = int(r.header[3])<<8 | int(r.header[4])
	} else {
		r.body -= n
	}
	if r.got == recordHeader && r.body == 0 {
		r.got = 0
	}
	return n, err
}
