package node

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"holdfast/node/command"
	"holdfast/node/engine"
	"holdfast/resp"
	"holdfast/server/session"
)

// Migrate is MIGRATE: it parks the client while the keys are sent to another server.
func (n *Node) Migrate(m *command.Migration) {
	ctx, cancel := context.WithCancel(n.ctx)
	m.Block = &session.Block{Kind: "migrate", Cancel: cancel}
	n.Park(m.Client(), m.Block, 0)
	gate := n.gateOutside()
	n.work.Go(func() { n.migrate(ctx, m, gate) })
}

// gateOutside is the offset that must be committed before what the data shows now may be shown to another server.
func (n *Node) gateOutside() int64 {
	switch {
	case !n.gated():
		return 0
	case n.chained() && n.place().Master && !n.lease.Valid():
		return n.engine.AppendMarker() // see gateOf
	}
	return n.log.End()
}

// migrate sends round after round. Once something was sent it goes on to the end, even when the client has gone; only
// the wait for the commit point ends with ctx.
func (n *Node) migrate(ctx context.Context, m *command.Migration, gate int64) {
	t := &target{n: n, m: m}
	defer t.close()
	for again := true; again; {
		failure := n.log.WaitCommit(ctx, gate)
		if failure == nil {
			failure = t.send()
		}
		for landed := false; !landed; {
			n.do(func(now time.Time) {
				if landed = m.Copy && !n.agent.Holds() || !n.standsStill(); !landed {
					return
				}
				again = m.Land(now.UnixMilli(), failure)
				if s := m.Client(); !n.env.Effects.Empty() {
					s.WriteEnd = n.engine.Append()
					s.Gate = max(s.Gate, s.WriteEnd)
					n.log.Flush()
				}
				if again {
					gate = n.gateOutside()
				}
			})
			if !landed && !n.pauseFor(standstillLook) {
				return
			}
		}
	}
}

// standsStill reports whether the data must stay as it is now.
func (n *Node) standsStill() bool {
	return n.data.Loading || n.pauseKind() != engine.NoPause
}

// standstillLook is how often it is looked whether the data may change again.
const standstillLook = 20 * time.Millisecond

// pauseFor waits; false says that the node is being closed.
func (n *Node) pauseFor(d time.Duration) bool {
	select {
	case <-n.stopped:
		return false
	case <-time.After(d):
		return true
	}
}

// target is the connection to the server that keys are sent to.
type target struct {
	n      *Node
	m      *command.Migration
	client *resp.Client
	stop   func() bool
}

const (
	errMigrateDial  = resp.Error("IOERR error or timeout connecting to the client")
	errMigrateWrite = resp.Error("IOERR error or timeout writing to target instance")
	errMigrateRead  = resp.Error("IOERR error or timeout reading to target instance")
)

// migrateBatch is how many keys are sent before their replies are read: the target must be able to keep that many of
// them.
const migrateBatch = 256

// send sends the round and notes what the target says of each key.
func (t *target) send() error {
	if t.client == nil {
		if err := t.open(); err != nil {
			return t.unlessReplied(err)
		}
	}
	for round := t.m.Round; len(round) > 0; {
		batch := round[:min(len(round), migrateBatch)]
		round = round[len(batch):]
		for _, d := range batch {
			if err := t.write(t.words(d)...); err != nil {
				return t.unlessReplied(err)
			}
		}
		for _, d := range batch {
			err := t.read()
			if d.Accepted = err == nil; d.Accepted {
				continue
			}
			if err = t.unlessReplied(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// replied is an error that the target replied with.
type replied resp.Error

func (r replied) Error() string { return string(r) }

// unlessReplied notes an error that the target replied with, and answers any other.
func (t *target) unlessReplied(err error) error {
	if r, ok := errors.AsType[replied](err); ok {
		t.m.Refuse(resp.Error(r))
		return nil
	}
	return err
}

// words is the command that has the target do with a key as was done here.
func (t *target) words(d *command.Departure) []any {
	if d.Payload == nil {
		return []any{"DEL", d.Key}
	}
	ttl := int64(0)
	if d.ExpireAt >= 0 {
		ttl = max(d.ExpireAt-t.n.now().UnixMilli(), 1)
	}
	words := []any{"RESTORE", d.Key, ttl, d.Payload}
	if d.Replace {
		words = append(words, "REPLACE")
	}
	return words
}

// open connects, authenticates and selects the database.
func (t *target) open() error {
	m := t.m
	if _, err := strconv.ParseUint(m.Port, 10, 16); err != nil {
		return errMigrateWrite // Redis finds out as late
	}
	conn, err := t.dial()
	if err != nil {
		return err
	}
	t.client = resp.NewClient(moving{conn, m.Timeout})
	t.stop = context.AfterFunc(t.n.ctx, func() { _ = conn.Close() })
	if len(m.Auth) > 0 {
		err = t.ask(append([]any{"AUTH"}, m.Auth...)...)
	}
	if err == nil {
		err = t.ask("SELECT", m.DB)
	}
	return err
}

// dial connects. As in Redis, a connection that was refused shows only when it is written to.
func (t *target) dial() (net.Conn, error) {
	m := t.m
	if m.Host == "" {
		return nil, errMigrateDial
	}
	ctx, cancel := context.WithTimeout(t.n.ctx, m.Timeout)
	defer cancel()
	conn, err := t.n.network.Dial(ctx, net.JoinHostPort(m.Host, m.Port))
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		err = errMigrateWrite
	default:
		t.n.logger.Info("MIGRATE can't connect", "host", m.Host, "port", m.Port, "err", err)
		err = errMigrateDial
	}
	return nil, err
}

func (t *target) ask(words ...any) error {
	if err := t.write(words...); err != nil {
		return err
	}
	return t.read()
}

// write sends a command; an error reply with which the target has closed the connection comes back as replied.
func (t *target) write(words ...any) error {
	err := t.client.Send(t.n.ctx, words...)
	if err == nil {
		return nil
	}
	if said := t.client.Reason(t.n.ctx); said != "" {
		return replied(said)
	}
	t.n.logger.Info("MIGRATE can't write to the target", "err", err)
	return errMigrateWrite
}

// read takes a reply; an error reply comes back as replied.
func (t *target) read() error {
	v, err := t.client.Receive(t.n.ctx)
	if v.Kind == resp.KindError {
		return replied(v.Str)
	}
	if err != nil {
		t.n.logger.Info("MIGRATE can't read from the target", "err", err)
		return errMigrateRead
	}
	return nil
}

func (t *target) close() {
	if t.client != nil {
		t.stop()
		_ = t.client.Close()
	}
}

// moving is a connection on which something must move within the timeout, however much there is to transfer.
type moving struct {
	net.Conn
	timeout time.Duration
}

func (c moving) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c moving) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		if err = c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			break
		}
		var wrote int
		wrote, err = c.Conn.Write(p[n:min(len(p), n+moveBytes)])
		n += wrote
	}
	return n, err
}

// moveBytes is how much a write is to move at least within the timeout.
const moveBytes = 64 << 10
