package transfer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"syscall"
	"time"

	"holdfast/resp"
	"holdfast/transport"
)

// Config is what transfers are made with.
type Config struct {
	Context context.Context // ends with the node
	Network transport.Network
	Now     func() time.Time // time as data
	Logger  *slog.Logger
}

// Key is a key that is sent to another server.
type Key struct {
	Key      []byte
	Payload  []byte // nil: it was deleted here after it had been sent, and is to be deleted there
	ExpireAt int64
	Replace  bool
	Accepted bool // by the target
	Changed  bool // here, since it was dumped
}

// Target is the server that keys are sent to, and the connection to it.
type Target struct {
	Config
	Host, Port string
	DB         int64
	Timeout    time.Duration
	Auth       []any      // the arguments of AUTH, if the target wants any
	Refused    resp.Error // the first error that it replied with

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

// Send sends a round and notes what the target says of each key.
func (t *Target) Send(round []*Key) error {
	if t.client == nil {
		if err := t.open(); err != nil {
			return t.unlessReplied(err)
		}
	}
	for len(round) > 0 {
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
func (t *Target) unlessReplied(err error) error {
	if r, ok := errors.AsType[replied](err); ok {
		if t.Refused == "" {
			t.Refused = resp.Error(r)
		}
		return nil
	}
	return err
}

// words is the command that has the target do with a key as was done here.
func (t *Target) words(d *Key) []any {
	if d.Payload == nil {
		return []any{"DEL", d.Key}
	}
	ttl := int64(0)
	if d.ExpireAt >= 0 {
		ttl = max(d.ExpireAt-t.Now().UnixMilli(), 1)
	}
	words := []any{"RESTORE", d.Key, ttl, d.Payload}
	if d.Replace {
		words = append(words, "REPLACE")
	}
	return words
}

// open connects, authenticates and selects the database.
func (t *Target) open() error {
	if _, err := strconv.ParseUint(t.Port, 10, 16); err != nil {
		return errMigrateWrite // Redis finds out as late
	}
	conn, err := t.dial()
	if err != nil {
		return err
	}
	t.client = resp.NewClient(moving{conn, t.Timeout})
	t.stop = context.AfterFunc(t.Context, func() { _ = conn.Close() })
	if len(t.Auth) > 0 {
		err = t.ask(append([]any{"AUTH"}, t.Auth...)...)
	}
	if err == nil {
		err = t.ask("SELECT", t.DB)
	}
	return err
}

// dial connects. As in Redis, a connection that was refused shows only when it is written to.
func (t *Target) dial() (net.Conn, error) {
	if t.Host == "" {
		return nil, errMigrateDial
	}
	ctx, cancel := context.WithTimeout(t.Context, t.Timeout)
	defer cancel()
	conn, err := t.Network.Dial(ctx, net.JoinHostPort(t.Host, t.Port))
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		err = errMigrateWrite
	default:
		t.Logger.Info("MIGRATE can't connect", "host", t.Host, "port", t.Port, "err", err)
		err = errMigrateDial
	}
	return nil, err
}

func (t *Target) ask(words ...any) error {
	if err := t.write(words...); err != nil {
		return err
	}
	return t.read()
}

// write sends a command; an error reply with which the target has closed the connection comes back as replied.
func (t *Target) write(words ...any) error {
	err := t.client.Send(t.Context, words...)
	if err == nil {
		return nil
	}
	if said := t.client.Reason(t.Context); said != "" {
		return replied(said)
	}
	t.Logger.Info("MIGRATE can't write to the target", "err", err)
	return errMigrateWrite
}

// read takes a reply; an error reply comes back as replied.
func (t *Target) read() error {
	v, err := t.client.Receive(t.Context)
	if v.Kind == resp.KindError {
		return replied(v.Str)
	}
	if err != nil {
		t.Logger.Info("MIGRATE can't read from the target", "err", err)
		return errMigrateRead
	}
	return nil
}

// Close ends the connection, if there is one.
func (t *Target) Close() {
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
