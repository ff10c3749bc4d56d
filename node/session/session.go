// Package session is one client connection as a state machine without I/O: bytes come in through its parser, replies
// leave through its gated output, and everything between (database, transaction, subscriptions, flags) is state here.
//
// A driver owns the socket. It alone touches In. All other fields are guarded by the node's execution lock, except Out,
// which has its own. A session never reads a socket, sleeps or takes a lock of the node.
package session

import (
	"net"
	"sync/atomic"
	"time"

	"holdfast/node/tracking"
	"holdfast/resp"
)

// Class decides which output limit applies and how CLIENT KILL TYPE names the connection.
type Class int

// The classes of CLIENT LIST TYPE.
const (
	ClassNormal Class = iota
	ClassMaster
	ClassReplica
	ClassPubSub
)

var classNames = [...]string{"normal", "master", "replica", "pubsub"}

func (c Class) String() string { return classNames[c] }

// ReplyMode is what CLIENT REPLY asked for.
type ReplyMode int

// The reply modes.
const (
	ReplyOn ReplyMode = iota
	ReplyOff
	ReplySkipNext // the next command's reply is left out
	ReplySkip     // this command's reply is left out
)

// WatchedKey is a key under WATCH.
type WatchedKey struct {
	DB      int
	Key     string
	Expired bool // it was already past its time when it was watched: its removal is no change
}

// Tx is an open MULTI.
type Tx struct {
	Queue   [][][]byte // the commands, copied out of the read buffer
	Aborted bool       // a queued command was refused: EXEC answers EXECABORT
	Any     resp.Flag  // flags that any of them has
	Missing resp.Flag  // flags that any of them lacks
	Memory  int        // bytes that the queue holds
}

// Session is the state of one connection.
type Session struct {
	ID        int64
	Addr      string // the peer's address, as CLIENT LIST prints it
	LocalAddr string
	Created   time.Time

	In  resp.Parser // the driver's alone
	Out Output
	W   resp.Writer // replies of the batch in execution, moved to Out by Stage

	User          string
	Authenticated bool
	Name          string
	LibName       string
	LibVer        string
	DB            int
	Reply         ReplyMode
	NoEvict       bool
	NoTouch       bool
	ImportSource  bool             // passes on what another server has decided, also what has expired
	Monitor       bool             // is shown every command
	Tracking      *tracking.Client // what CLIENT TRACKING asked for; nil: off
	Invalidated   bool             // got an invalidation: it leaves with the writes of the execution in hand
	Pushed        bool             // got output from others in the execution in hand
	Postponed     bool             // a pause holds its next command back
	ReadOnly      bool             // a cluster client's READONLY was sent; remembered only

	Tx       *Tx
	Watched  []*WatchedKey
	DirtyCAS bool // a watched key changed

	Subscriptions  int // channels
	PSubscriptions int // patterns
	SSubscriptions int // shard channels

	Commands    int64 // executed so far
	LastCommand string
	LastActive  time.Time
	ArgvMemory  int   // bytes of the last command's arguments
	QueryBuffer int   // bytes of input that were not executed yet, as the driver saw them last
	QueryFree   int   // and the room in its buffer beside them
	WriteEnd    int64 // log offset after this client's last write: what WAIT waits for
	Gate        int64 // log offset that what others write to W must wait for: the answer to a blocked command

	OverSoft time.Time // since when the output is over the soft limit; zero: it is not

	Replica ReplicaInfo // what REPLCONF said, before PSYNC

	inShare   share // the driver's, as In
	workShare share

	blocked     *Block
	release     atomic.Bool // the driver is to give the input's buffer back
	muted       bool
	aside       []byte // messages that came while it was muted
	closeReason string
	closing     bool
	aborted     bool
	hijack      func(conn net.Conn, buffered []byte)
	wake        func() // has the driver look at Out, and at the input if the session was blocked
}

// ReplicaInfo collects what a replica says of itself in REPLCONF.
type ReplicaInfo struct {
	ListeningPort int
	IP            string
	EOF, PSync2   bool
	Chain         []byte // the JSON of REPLCONF holdfast, empty for a plain replica
	RDBOnly       bool
}

// Block is a parked command: WAIT, or one that waits for keys.
type Block struct {
	Kind    string // the command, for CLIENT LIST and INFO
	Timer   *time.Timer
	Cancel  func()               // takes the session out of whatever it waits on
	Timeout func(w *resp.Writer) // writes the reply for a timeout
	Silent  bool                 // the reply is left out: CLIENT REPLY
	Took    time.Duration        // what the command took until it was parked
	Command []string             // it, cut short, for the slow log
}

// New is a session for the peer; wake must be safe from any goroutine and must not block.
func New(id int64, addr, local string, now time.Time, wake func()) *Session {
	s := &Session{ID: id, Addr: addr, LocalAddr: local, Created: now, LastActive: now, User: "default", wake: wake}
	s.W = resp.Writer{Proto: 2, Buf: make([]byte, 0, leastReplies)}
	return s
}

// Stage moves the replies written so far into the gated output.
func (s *Session) Stage(gate, commit int64) {
	s.Out.Append(s.W.Buf, gate, commit)
	if cap(s.W.Buf) > maxSpare {
		s.W.Buf = nil
	}
	s.W.Buf = s.W.Buf[:0]
	s.noteWork()
}

// StageFirst moves the first n bytes of the replies, which have nothing to wait for, into the output; the others stay.
func (s *Session) StageFirst(n int, commit int64) {
	s.Out.Append(s.W.Buf[:n], 0, commit)
	s.W.Buf = s.W.Buf[:copy(s.W.Buf, s.W.Buf[n:])]
}

// Wake has the driver flush the output and go on with the input.
func (s *Session) Wake() { s.wake() }

// Close ends the session once what is in its output has left. The reason goes to the log.
func (s *Session) Close(reason string) {
	if !s.closing {
		s.closing, s.closeReason = true, reason
	}
}

// Abort ends the session at once; replies that have not left are dropped.
func (s *Session) Abort(reason string) {
	s.Out.Discard()
	s.aborted = true
	s.Close(reason)
	s.wake()
}

// Aborted reports that the session ends without its replies.
func (s *Session) Aborted() bool { return s.aborted }

// Closing reports whether no more commands are to be executed, and why.
func (s *Session) Closing() (bool, string) { return s.closing, s.closeReason }

// Hijack hands the connection to fn once the output has left: PSYNC turns a client into a replica's link. buffered are
// bytes that were read past the command.
func (s *Session) Hijack(fn func(conn net.Conn, buffered []byte)) { s.hijack = fn }

// Hijacked is the function that takes the connection over, nil for a client.
func (s *Session) Hijacked() func(net.Conn, []byte) { return s.hijack }

// Park blocks the session: no more of its commands run until Unpark.
func (s *Session) Park(b *Block) {
	b.Silent = s.Reply != ReplyOn
	s.blocked = b
}

// Blocked is the parked command, nil when the session is not parked.
func (s *Session) Blocked() *Block { return s.blocked }

// Unpark ends the wait; the driver goes on with the input after the next Wake.
func (s *Session) Unpark() {
	if b := s.blocked; b != nil {
		if b.Timer != nil {
			b.Timer.Stop()
		}
		if b.Cancel != nil {
			b.Cancel()
		}
		s.blocked = nil
	}
}

// Answer ends the wait with a reply.
func (s *Session) Answer(write func(w *resp.Writer)) {
	silent, mark := s.blocked.Silent, len(s.W.Buf)
	s.Unpark()
	if write(&s.W); silent {
		s.W.Buf = s.W.Buf[:mark]
	}
}

// Subscribed counts channels and patterns together, as the replies of SUBSCRIBE do.
func (s *Session) Subscribed() int { return s.Subscriptions + s.PSubscriptions }

// InPubSub reports whether the connection is subscribed to anything.
func (s *Session) InPubSub() bool { return s.Subscriptions+s.PSubscriptions+s.SSubscriptions > 0 }

// Class is the connection's class.
func (s *Session) Class() Class {
	if s.InPubSub() {
		return ClassPubSub
	}
	return ClassNormal
}

// Push appends an out-of-band message, as PUBLISH does for its subscribers: replies that are switched off don't take it with
// them.
func (s *Session) Push(write func(w *resp.Writer)) {
	mark := len(s.W.Buf)
	if write(&s.W); s.muted {
		s.aside = append(s.aside, s.W.Buf[mark:]...)
		s.W.Buf = s.W.Buf[:mark]
	}
}

// Mute keeps messages apart from a reply that will be left out; Unmute puts them behind what was not.
func (s *Session) Mute() { s.muted = true }

// Unmute ends Mute.
func (s *Session) Unmute() {
	s.W.Buf = append(s.W.Buf, s.aside...)
	s.muted, s.aside = false, nil
}
