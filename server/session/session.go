package session

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"holdfast/internal/bulk"
	"holdfast/resp"
	"holdfast/server/tracking"
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

// Standing is who a connection is taken for.
type Standing int

// The standings.
const (
	Client  Standing = iota // one of the clients that maxclients counts
	Unknown                 // came when there were that many, and has yet to say who it is
	Member                  // of the group: it has introduced itself
	Admin                   // an administrator on this machine, who came when there were that many

	standings
)

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
	Since   int64 // unix milliseconds
	Expired bool  // it was already past its time when it was watched: its removal is no change
}

// Tx is an open MULTI.
type Tx struct {
	Queue   [][][]byte // the commands, copied out of the read buffer
	Aborted bool       // a queued command was refused: EXEC answers EXECABORT
	Any     resp.Flag  // flags that any of them has
	Missing resp.Flag  // flags that any of them lacks
	Level   int        // the highest feature level of any of them
	Memory  int        // bytes that the queue holds
}

// Session is the state of one connection.
type Session struct {
	ID        int64
	Addr      string // the peer's address, as CLIENT LIST prints it
	LocalAddr string
	Created   time.Time

	Standing Standing // Registry.Stands changes it

	In  resp.Parser // the driver's alone
	Out Output
	W   resp.Writer // replies of the batch in execution, moved to Out by Stage

	Member        string // the node of the group that has proven that this is its connection; empty: a client's
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
	Postponed     bool             // a pause, or a chain that has to confirm, holds its next command back
	ReadOnly      bool             // READONLY was sent: a client that is redirected reads here nevertheless
	Redirects     bool             // CLIENT CAPA redirect: it goes where it is told to

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
	NetInput    int64 // bytes read so far, as the driver saw it last
	WriteEnd    int64 // log offset after this client's last write: what WAIT waits for
	Gate        int64 // log offset that what others write to W must wait for: the answer to a blocked command

	OverSoft time.Time // since when the output is over the soft limit; zero: it is not

	Replica ReplicaInfo // what REPLCONF said, before PSYNC

	// Proving says that the peer is about to prove that it is a member: it would not understand anything else now.
	Proving atomic.Bool
	Socket  io.Closer // is closed to end the connection at once, whatever it is doing; the driver's

	inShare    share // the driver's, as In
	queueShare share
	replyShare share

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
	s.W = resp.Writer{Proto: 2, Pieces: true, Buf: make([]byte, 0, leastReplies)}
	return s
}

// Stage moves the replies written so far into the gated output.
func (s *Session) Stage(gate, commit int64) {
	if pieces := s.W.TakePieces(); len(pieces) > 0 || len(s.W.Buf) > maxSpare {
		s.Out.AppendPieces(append(pieces, s.W.Buf), gate, commit)
		s.W.Buf = nil
	}
	s.Out.Append(s.W.Buf, gate, commit)
	if cap(s.W.Buf) > maxSpare {
		s.W.Buf = nil
	}
	s.W.Buf = s.W.Buf[:0]
	s.noteWork()
}

// StageFirst moves the first n bytes of the replies, which have nothing to wait for, into the output; the others stay.
func (s *Session) StageFirst(n int, commit int64) {
	if n == 0 {
		return
	}
	var rest []byte
	if pieced := s.W.Len() > len(s.W.Buf); pieced {
		rest = s.W.Tail(n)
		s.W.Truncate(n)
		s.Out.AppendPieces(append(s.W.TakePieces(), s.W.Buf), 0, commit)
	} else {
		s.Out.Append(s.W.Buf[:n], 0, commit)
		rest = s.W.Buf[:bulk.Copy(s.W.Buf, s.W.Buf[n:])]
	}
	s.W.Buf = rest
}

// Wake has the driver flush the output and go on with the input.
func (s *Session) Wake() { s.wake() }

// IsLocal reports whether the client is on this machine.
func (s *Session) IsLocal() bool {
	addr, err := netip.ParseAddrPort(s.Addr)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// OverLimit reports whether more waits for a client to take it than may: hard bytes, or soft bytes for longer than
// that. Without a limit it is 0.
func (s *Session) OverLimit(hard, soft uint64, softFor time.Duration, now func() time.Time) bool {
	waiting := uint64(s.Out.Len())
	if soft == 0 || waiting < soft {
		s.OverSoft = time.Time{}
	} else if s.OverSoft.IsZero() {
		s.OverSoft = now()
	}
	tooLong := !s.OverSoft.IsZero() && now().Sub(s.OverSoft) > softFor
	return hard > 0 && waiting >= hard || tooLong
}

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
	silent, mark := s.blocked.Silent, s.W.Len()
	s.Unpark()
	if write(&s.W); silent {
		s.W.Truncate(mark)
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

// Push appends an out-of-band message, as PUBLISH does for its subscribers: replies that are switched off don't take it
// with them.
func (s *Session) Push(write func(w *resp.Writer)) {
	mark := s.W.Len()
	if write(&s.W); s.muted {
		s.aside = bulk.Append(s.aside, s.W.Tail(mark))
		s.W.Truncate(mark)
	}
}

// Reply is the reply to one command, as it is being written.
type Reply struct {
	start  int
	silent bool
}

// BeginReply has what is written to W be the reply to a command, until EndReply. Messages that come meanwhile are kept
// apart from one that will be left out.
func (s *Session) BeginReply(command string) Reply {
	if s.Reply == ReplySkipNext && command != "client|reply" {
		s.Reply = ReplySkip
	}
	s.muted = s.Reply != ReplyOn
	return Reply{s.W.Len(), s.muted}
}

// EndReply leaves the reply out if CLIENT REPLY says so, as it is now.
func (s *Session) EndReply(r Reply) {
	if s.Reply != ReplyOn {
		s.W.Truncate(r.start)
		if s.Reply == ReplySkip {
			s.Reply = ReplyOn
		}
	}
	if r.silent {
		s.W.Raw(s.aside)
		s.muted, s.aside = false, nil
	}
}
