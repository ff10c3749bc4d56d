package compat

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// replyTimeout is how long a server may think about a command.
const replyTimeout = 20 * time.Second

// conn is a client that keeps replies as they came over the wire. It is written for these tests alone, so that a
// mistake in the product's codec can't hide itself.
type conn struct {
	net.Conn
	r *bufio.Reader
}

// reply is a reply's bytes, and what they mean.
type reply struct {
	raw   []byte
	kind  byte // the first byte
	text  string
	elems []reply // of a map: keys and values in turn
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, replyTimeout)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

func (c *conn) close() { c.Conn.Close() }

func (c *conn) do(args ...string) (reply, error) {
	if err := c.send(args); err != nil {
		return reply{}, err
	}
	return c.receive()
}

func (c *conn) send(args []string) error {
	buf := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		buf = fmt.Appendf(buf, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := c.Write(buf)
	return err
}

func (c *conn) receive() (reply, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return reply{}, fmt.Errorf("broken reply line %q", line)
	}
	v := reply{raw: []byte(line), kind: line[0], text: line[1 : len(line)-2]}
	switch v.kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return v, nil
	case '$', '=':
		n, err := strconv.Atoi(v.text)
		if err != nil || n < 0 {
			return v, err
		}
		body := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, body); err != nil {
			return v, err
		}
		v.raw, v.text = append(v.raw, body...), string(body[:n])
		return v, nil
	case '*', '%', '~', '>':
		n, err := strconv.Atoi(v.text)
		if err != nil {
			return v, err
		}
		if v.kind == '%' {
			n *= 2
		}
		for range max(n, 0) {
			e, err := c.receive()
			if err != nil {
				return v, err
			}
			v.elems = append(v.elems, e)
			v.raw = append(v.raw, e.raw...)
		}
		return v, nil
	}
	return v, fmt.Errorf("unknown reply %q", line)
}
