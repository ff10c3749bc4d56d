package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"holdfast/transport"
)

// Client is one connection to a server, seen from the asking side. One goroutine may Send while another Receives; Do is
// both and excludes them. After an error that is not an Error, and after a context ended, the connection is out of step
// and only good for Close.
type Client struct {
	conn   net.Conn
	reader *Reader
	out    []byte
	pushes []Value // received while Do waited for its reply
}

// Dial connects to addr; ctx bounds the attempt.
func Dial(ctx context.Context, network transport.Network, addr string) (*Client, error) {
	conn, err := network.Dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return NewClient(conn), nil
}

// NewClient speaks over a connection that is open already; Close closes it.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, reader: NewReader(conn)}
}

// Conn returns the connection, for its addresses.
func (c *Client) Conn() net.Conn { return c.conn }

// Reader returns what Receive reads from, for protocols that leave RESP after a reply.
func (c *Client) Reader() *Reader { return c.reader }

// Close closes the connection. It may be called at any time, also to end a Receive that waits.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends a command and waits for its reply. An error reply comes back as an Error. Where nothing can be sent any more
// the error quotes the reply with which the server closed the connection. Arguments are strings, byte slices, integers,
// floats, booleans (1 or 0) or anything fmt can print.
func (c *Client) Do(ctx context.Context, args ...any) (Value, error) {
	if err := c.Send(ctx, args...); err != nil {
		if said := c.Reason(ctx); said != "" {
			err = fmt.Errorf("%w, after the server said: %s", err, string(said))
		}
		return Value{}, err
	}
	stop := bound(ctx, c.conn.SetReadDeadline)
	for {
		v, err := c.reader.ReadValue()
		if err == nil && v.Kind == KindPush {
			c.pushes = append(c.pushes, v)
			continue
		}
		if err = stop(err); err != nil {
			return Value{}, fmt.Errorf("reply: %w", err)
		}
		return v, v.Err()
	}
}

// Send sends a command without waiting for its reply.
func (c *Client) Send(ctx context.Context, args ...any) error {
	c.out = appendAny(c.out[:0], args)
	stop := bound(ctx, c.conn.SetWriteDeadline)
	_, err := c.conn.Write(c.out)
	if cap(c.out) > keepSize {
		c.out = nil
	}
	if err = stop(err); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// lastWords is how long Reason waits for what the server sent before it closed the connection.
const lastWords = 100 * time.Millisecond

// Reason is the error reply that a server sent last before it closed the connection, so that a Send failed; empty if
// there is none. It waits for at most 100 ms, and the connection is only good for Close afterwards.
func (c *Client) Reason(ctx context.Context) Error {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	stop := bound(ctx, c.conn.SetReadDeadline)
	var last Value
	for {
		v, err := c.reader.ReadValue()
		if err == nil {
			last = v
			continue
		}
		if err = stop(err); last.Kind != KindError || errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return "" // or the server is still there
		}
		return Error(last.Str)
	}
}

// Receive returns the next reply or push. An error reply comes back as an Error, with the value.
func (c *Client) Receive(ctx context.Context) (Value, error) {
	if len(c.pushes) > 0 {
		v := c.pushes[0]
		c.pushes = c.pushes[1:]
		return v, nil
	}
	stop := bound(ctx, c.conn.SetReadDeadline)
	v, err := c.reader.ReadValue()
	if err = stop(err); err != nil {
		return Value{}, fmt.Errorf("receive: %w", err)
	}
	return v, v.Err()
}

// bound makes I/O end when ctx does. The returned function must be called with the I/O's outcome; it turns the timeout
// that the end of ctx caused into ctx's own error.
func bound(ctx context.Context, setDeadline func(time.Time) error) (stop func(error) error) {
	deadline, _ := ctx.Deadline()
	if err := setDeadline(deadline); err != nil {
		return func(outcome error) error { return errors.Join(outcome, err) }
	}
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		// The error would say that the connection is closed, which ends the I/O as well.
		_ = setDeadline(time.Unix(1, 0))
		close(done)
	})
	return func(outcome error) error {
		if !cancel() {
			<-done // Or the deadline could be set behind the one of the I/O that is next.
		}
		var timeout net.Error
		if outcome != nil && errors.As(outcome, &timeout) && timeout.Timeout() {
			if err := ctx.Err(); err != nil {
				return err
			}
			return context.DeadlineExceeded
		}
		return outcome
	}
}

func appendAny(buf []byte, args []any) []byte {
	w := Writer{Buf: buf}
	w.Array(len(args))
	for _, arg := range args {
		switch a := arg.(type) {
		case string:
			w.BulkString(a)
		case []byte:
			w.Bulk(a)
		case int:
			w.BulkInt(int64(a))
		case int64:
			w.BulkInt(a)
		case uint64:
			w.BulkString(strconv.FormatUint(a, 10))
		case float64:
			w.Bulk(AppendDouble(nil, a))
		case bool:
			if a {
				w.BulkInt(1)
			} else {
				w.BulkInt(0)
			}
		default:
			w.BulkString(fmt.Sprint(a))
		}
	}
	return w.Buf
}
