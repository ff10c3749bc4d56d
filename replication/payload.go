package replication

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// newPayload makes a reader of the body of a full copy, of which head is the line before: "$<length>", or "$EOF:<mark>"
// when the mark follows the body. It ends with io.EOF when the body is whole; a transfer that broke off ends with
// io.ErrUnexpectedEOF or the connection's error. size is -1 when it is not known before.
func newPayload(in *bufio.Reader, head string) (p io.Reader, size int64, err error) {
	rest, ok := strings.CutPrefix(head, "$")
	if !ok {
		if strings.HasPrefix(head, "-") {
			return nil, 0, refusal(head)
		}
		return nil, 0, fmt.Errorf("replication: bad head of a full copy: %q", head)
	}
	if mark, ok := strings.CutPrefix(rest, "EOF:"); ok {
		if len(mark) != idDigits {
			return nil, 0, fmt.Errorf("replication: bad mark of a full copy: %q", head)
		}
		return &markedPayload{in: in, mark: []byte(mark)}, -1, nil
	}
	size, err = strconv.ParseInt(rest, 10, 64)
	if err != nil || size < 0 {
		return nil, 0, fmt.Errorf("replication: bad length of a full copy: %q", head)
	}
	return &sizedPayload{in: in, left: size}, size, nil
}

// sizedPayload ends after a known number of bytes.
type sizedPayload struct {
	in   *bufio.Reader
	left int64
}

func (p *sizedPayload) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.in.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, brokenOff(err)
}

// markedPayload ends at a mark, which it consumes: 40 random digits that the body won't contain.
type markedPayload struct {
	in   *bufio.Reader
	mark []byte
	done bool
}

func (p *markedPayload) Read(b []byte) (int, error) {
	if p.done {
		return 0, io.EOF
	}
	if len(b) == 0 {
		return 0, nil
	}
	// The mark is still to come, so as many bytes as it has can be waited for.
	if _, err := p.in.Peek(len(p.mark)); err != nil {
		return 0, brokenOff(err)
	}
	window, err := p.in.Peek(p.in.Buffered())
	if err != nil {
		return 0, brokenOff(err)
	}
	n := bytes.Index(window, p.mark)
	switch {
	case n == 0:
		p.done = true
		if _, err := p.in.Discard(len(p.mark)); err != nil {
			return 0, err
		}
		return 0, io.EOF
	case n < 0:
		n = len(window) - len(p.mark) + 1 // the rest may be the beginning of the mark
	}
	n = copy(b, window[:n])
	_, err = p.in.Discard(n)
	return n, err
}

// brokenOff names the end of the connection for what it is in the middle of a body.
func brokenOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
