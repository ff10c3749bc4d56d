package migrate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"holdfast/node/rdb"
	"holdfast/resp"
	"holdfast/transport"
)

const (
	batchBytes    = 256 << 10 // are gathered before they are sent
	batchCommands = 4096
	batchesAhead  = 4       // may be sent before the first is answered
	keepBytes     = 4 << 20 // larger buffers, of single values, are not kept
	lastWait      = 10 * time.Second
)

// Target is the server that data is brought into. One goroutine sends.
type Target struct {
	client   *resp.Client
	payloads *rdb.PayloadWriter
	payload  []byte
	progress *Progress

	db        int           // that was selected last
	databases int           // that it has
	noMore    error         // what it says to a database behind them
	out       batch         // is gathered
	open      int           // commands of the transaction that is being sent; 0: there is none
	confirmed chan struct{} // closed when its beginning is answered: nothing more is sent before

	inFlight chan batch
	free     chan batch
	received chan struct{} // closed when the receiver has ended

	mu  sync.Mutex // guards err
	err error      // the first that went wrong
}

// batch is what is sent at once.
type batch struct {
	bytes    []byte
	sent     []sent
	answered chan struct{} // closed when all replies are there; nil: nobody waits
}

// sent is a command that will be answered.
type sent struct {
	role      role
	db        int
	name, key [2]int // in the batch's bytes
}

// role is what a command is for, and so what its reply means.
type role uint8

const (
	plain   role = iota // SELECT, MULTI
	restore             // a key
	queued              // a command of a transaction
	exec                // the transaction's end, which is answered with the replies to all of it
)

// NewTarget sends over a connection on which the server has accepted the client, and makes it one for which nothing
// expires: only the source decides that, and a log has keys whose time was prolonged later. When ctx ends the target
// has a few seconds left to answer what it was sent. After an error the client is still the caller's.
func NewTarget(ctx context.Context, client *resp.Client, progress *Progress) (*Target, error) {
	if _, err := client.Do(ctx, "CLIENT", "IMPORT-SOURCE", "ON"); err != nil {
		return nil, fmt.Errorf("the target takes no imports, as a Holdfast node does: %w", err)
	}
	t := &Target{client: client, payloads: rdb.NewPayloadWriter(), progress: progress,
		inFlight: make(chan batch, batchesAhead),
		free:     make(chan batch, batchesAhead), received: make(chan struct{})}
	if err := t.countDatabases(ctx); err != nil {
		return nil, fmt.Errorf("asking the target for its databases: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = client.Conn().SetDeadline(time.Now().Add(lastWait)) })
	go t.receive()
	return t, nil
}

// Close ends the connection. What was not flushed is not sent.
func (t *Target) Close() error {
	close(t.inFlight)
	err := t.client.Close()
	<-t.received
	if errors.Is(err, net.ErrClosed) {
		return nil // after an error
	}
	return err
}

// restore sends a key with its value.
func (t *Target) restore(e rdb.Entry, replace bool) (err error) {
	if e.Type == rdb.TypeHashFieldsTime {
		e = gathered(e)
	}
	if t.payload, err = t.payloads.Append(t.payload[:0], e, false); err != nil {
		return err
	}
	args := append(make([][]byte, 0, 8), []byte("RESTORE"), e.Key, expiry(e.ExpireAt), t.payload, []byte("ABSTTL"))
	if replace {
		args = append(args, []byte("REPLACE"))
	}
	switch {
	case e.Idle >= 0:
		args = append(args, []byte("IDLETIME"), strconv.AppendInt(nil, e.Idle, 10))
	case e.Freq >= 0:
		args = append(args, []byte("FREQ"), strconv.AppendInt(nil, int64(e.Freq), 10))
	}
	if cap(t.payload) > keepBytes {
		t.payload = nil
	}
	if e.DB != t.db {
		if err := t.selectDB(e.DB); err != nil {
			return err
		}
		if err := t.flush(); err != nil { // where it is refused, nothing that belongs behind it has been sent
			return err
		}
	}
	return t.send(sent{db: e.DB, role: restore}, args)
}

// function sends a library of functions.
func (t *Target) function(code []byte, replace bool) error {
	args := [][]byte{[]byte("FUNCTION"), []byte("LOAD")}
	if replace {
		args = append(args, []byte("REPLACE"))
	}
	return t.send(sent{db: t.db, role: plain}, append(args, code))
}

// expiry is the time at which a key expires, 0 for never.
func expiry(at int64) []byte {
	if at >= 0 {
		at = max(at, 1)
	} else {
		at = 0
	}
	return strconv.AppendInt(nil, at, 10)
}

// gathered keeps the elements of a hash whose fields expire: the earliest of their times stands in front of a payload,
// so that it is made in two goes.
func gathered(e rdb.Entry) rdb.Entry {
	var all []rdb.Element
	for el := range e.Elements {
		el.Name, el.Value = append([]byte{}, el.Name...), append([]byte{}, el.Value...)
		all = append(all, el)
	}
	e.Elements = func(yield func(rdb.Element) bool) {
		for _, el := range all {
			if !yield(el) {
				return
			}
		}
	}
	return e
}

// send gathers a command.
func (t *Target) send(s sent, args [][]byte) error {
	t.add(s, args)
	if len(t.out.bytes) < batchBytes && len(t.out.sent) < batchCommands {
		return nil
	}
	return t.write()
}

// add appends a command to the batch, and notes where its name and its first argument stand, for an error to tell.
func (t *Target) add(s sent, args [][]byte) {
	b := &t.out
	w := resp.Writer{Buf: b.bytes}
	w.Array(len(args))
	for i, arg := range args {
		w.Bulk(arg)
		end := len(w.Buf) - len("\r\n")
		switch place := [2]int{end - len(arg), end}; i {
		case 0:
			s.name = place
		case 1:
			s.key = place
		}
	}
	b.bytes = w.Buf
	b.sent = append(b.sent, s)
}

// write hands the batch to the receiver, who may have to read before all is written, and sends it.
func (t *Target) write() error {
	if t.confirmed != nil {
		<-t.confirmed
		t.confirmed = nil
	}
	if err := t.failed(); err != nil {
		return err
	}
	b := t.out
	t.out = batch{}
	select {
	case t.out = <-t.free:
	default:
	}
	t.inFlight <- b
	if _, err := t.client.Conn().Write(b.bytes); err != nil {
		read := make(chan struct{}) // a server that closes the connection has often said why
		t.inFlight <- batch{answered: read}
		<-read
		return t.fail(fmt.Errorf("writing to the target: %w", err))
	}
	return nil
}

// flush sends what was gathered and waits until everything is answered.
func (t *Target) flush() error {
	done := make(chan struct{})
	t.out.answered = done
	if err := t.write(); err != nil {
		return err
	}
	<-done
	return t.failed()
}

func (t *Target) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// fail keeps the first error, and answers it.
func (t *Target) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	return t.err
}

// receive reads the replies in the order of what was sent.
func (t *Target) receive() {
	defer close(t.received)
	var open []command // the transaction that is being answered
	for b := range t.inFlight {
		for i := range b.sent {
			if t.failed() != nil {
				break
			}
			c := command{b.bytes, b.sent[i]}
			v, err := t.client.Reader().ReadValue()
			if err != nil {
				err = fmt.Errorf("no answer to %s: %w", c, err)
			} else {
				err = t.judge(c, v, open)
			}
			switch b.sent[i].role {
			case queued:
				open = append(open, c)
			case exec:
				open = open[:0]
			}
			if err != nil {
				_ = t.fail(err)
				// so that nobody waits for it any more, and no transaction is executed that was not sent whole
				_ = t.client.Close()
			}
		}
		if b.answered != nil {
			close(b.answered)
		}
		if cap(b.bytes) <= keepBytes && len(open) == 0 {
			select {
			case t.free <- batch{bytes: b.bytes[:0], sent: b.sent[:0]}:
			default:
			}
		}
	}
}

// judge counts what a reply says, or makes an error of it. open are the commands that a transaction has queued.
func (t *Target) judge(c command, v resp.Value, open []command) error {
	err, s := v.Err(), c.sent
	if s.role == exec && err == nil {
		if len(v.Elems) != len(open) {
			return fmt.Errorf("the target has executed %d commands of a transaction of %d", len(v.Elems), len(open))
		}
		for i, e := range v.Elems {
			if err = e.Err(); err != nil {
				c = open[i]
				break
			}
		}
	}
	var reply resp.Error
	switch {
	case err == nil && s.role == restore:
		t.progress.Keys.Add(1)
	case err == nil:
	case s.role == restore && errors.As(err, &reply) && reply.Code() == "BUSYKEY":
		t.progress.Busy.Add(1)
	default:
		return &ReplyError{What: c.String(), Reply: err}
	}
	return nil
}

// ReplyError is an error reply of the target.
type ReplyError struct {
	What  string // the command, or the key
	Reply error
}

func (e *ReplyError) Error() string { return fmt.Sprintf("the target refuses %s: %v", e.What, e.Reply) }

// Unwrap returns the reply.
func (e *ReplyError) Unwrap() error { return e.Reply }

// maxShown is how much of a key an error shows.
const maxShown = 200

// command is one of a batch's.
type command struct {
	bytes []byte // the batch's
	sent
}

// String names it for an error.
func (c command) String() string {
	key := c.bytes[c.key[0]:c.key[1]]
	shown := strconv.Quote(string(key[:min(len(key), maxShown)]))
	switch {
	case c.role == restore:
		return fmt.Sprintf("the key %s of database %d", shown, c.db)
	case c.key == [2]int{}:
		return string(c.bytes[c.name[0]:c.name[1]])
	}
	return fmt.Sprintf("%s %s in database %d", c.bytes[c.name[0]:c.name[1]], shown, c.db)
}

// Server says where a server is and who asks.
type Server struct{ Addr, User, Password string }

// Dial connects to a server.
func (s Server) Dial(ctx context.Context, network transport.Network) (*resp.Client, error) {
	c, err := resp.Dial(ctx, network, s.Addr)
	if err != nil {
		return nil, err
	}
	auth := []any{"AUTH", s.User, s.Password}
	if s.User == "" {
		auth = []any{"AUTH", s.Password}
	}
	if s.Password != "" {
		_, err = c.Do(ctx, auth...)
	}
	if err == nil {
		_, err = c.Do(ctx, "PING")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Addr, err), c.Close())
	}
	return c, nil
}
