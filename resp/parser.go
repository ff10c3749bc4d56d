package resp

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// Limits bounds what one connection may send. A zero field means the default named beside it.
type Limits struct {
	MaxBulk   int64 // longest argument; 512 MiB (proto-max-bulk-len)
	MaxArgs   int   // most arguments of one command; math.MaxInt32
	MaxInline int   // longest inline command or length line; 64 KiB
	MaxQuery  int64 // most bytes held without making a whole command; 1 GiB (client-query-buffer-limit)

	// Unauthenticated says that the peer has yet to give a password: until then a command may have
	// 10 arguments of 16 KiB, so that a stranger cannot make the server hold much memory.
	Unauthenticated bool
}

const (
	defaultMaxBulk   = 512 << 20
	defaultMaxArgs   = math.MaxInt32
	defaultMaxInline = 64 << 10
	defaultMaxQuery  = 1 << 30

	strangerMaxArgs = 10
	strangerMaxBulk = 16 << 10
)

// Parser cuts commands out of a byte stream: the owner reads into Space, says how much with Fill, and takes whole
// commands with Next until it returns none. It does no I/O and allocates nothing per command once its buffers have
// grown to the connection's needs. The zero value is ready, with default Limits.
//
// The buffer: done commands, then the command in progress, then free space.
//
//	0 ........ start ........ pos ........ end ........ len(buf)
//	  handed out    |  parsed so far | unparsed |  Space
//
// A command in progress keeps its arguments by where they are behind its first byte, so that the buffer may move, and
// so that the garbage collector has nothing to look at: slices are made of them when it is whole.
type Parser struct {
	limits   Limits
	adjusted bool // limits has its defaults filled in

	buf             []byte
	start, pos, end int
	given           bool // somebody has buf for good, see Give: nothing is written to it any more

	left  int // arguments still missing of the command in progress; 0: its header is not read yet
	bulk  int // length of the argument being received, valid when known is true
	known bool
	begun bool // the command in progress is a multibulk one whose header is read

	spans []span   // the arguments of the command in progress
	args  [][]byte // arena for the arguments of all commands since the last Space
	first int      // where the arguments of the next command start in args

	rawAt, rawEnd int // the command handed out last
	consumed      int64
	failed        error

	idle, peak int // see shrink
}

// span is where an argument is, counted from the first byte of its command.
type span struct{ from, to int }

// SetLimits replaces the limits; it holds for commands not yet handed out.
func (p *Parser) SetLimits(l Limits) {
	if l.MaxBulk == 0 {
		l.MaxBulk = defaultMaxBulk
	}
	if l.MaxArgs == 0 {
		l.MaxArgs = defaultMaxArgs
	}
	if l.MaxInline == 0 {
		l.MaxInline = defaultMaxInline
	}
	if l.MaxQuery == 0 {
		l.MaxQuery = defaultMaxQuery
	}
	p.limits, p.adjusted = l, true
}

// Buffered returns the number of bytes received that no command handed out contains.
func (p *Parser) Buffered() int { return p.end - p.start }

// Held returns the bytes that the parser's buffers take.
func (p *Parser) Held() int {
	held := cap(p.args)*sliceSize + cap(p.spans)*spanSize
	if !p.given {
		held += len(p.buf)
	}
	return held
}

const (
	sliceSize = 24 // of a []byte's header
	spanSize  = 16
)

// Consumed returns the total length of all commands handed out so far. Blank lines and empty commands between them,
// which Next skips, are not part of any command.
func (p *Parser) Consumed() int64 { return p.consumed }

// LastRaw returns the exact wire bytes of the command Next returned last. They live as long as its arguments do.
func (p *Parser) LastRaw() []byte { return p.buf[p.rawAt:p.rawEnd:p.rawEnd] }

// Next returns the next whole command, or nil when it needs more bytes. The arguments stay valid until the next Space
// call, so a whole pipeline can be parsed first and executed then. Blank inline lines and empty commands are skipped.
// An error is a ProtocolError or ErrQueryLimit and is final.
func (p *Parser) Next() ([][]byte, error) {
	if p.failed != nil {
		return nil, p.failed
	}
	if !p.adjusted {
		p.SetLimits(p.limits)
	}
	for p.start < p.end {
		if args := p.ordinary(); args != nil {
			return args, nil
		}
		var done bool
		var err error
		if p.begun || p.buf[p.start] == '*' {
			done, err = p.multibulk()
		} else {
			done, err = p.inline()
		}
		if err == nil && !done && int64(p.end-p.start) > p.limits.MaxQuery {
			err = ErrQueryLimit
		}
		if err != nil {
			p.failed = err
			return nil, err
		}
		if !done {
			return nil, nil
		}
		if args := p.finish(); len(args) > 0 {
			return args, nil
		}
	}
	return nil, nil
}

// gather makes slices of the arguments of a multibulk command that is whole.
func (p *Parser) gather() {
	if len(p.spans) > cap(p.args)-len(p.args) {
		p.args = slices.Grow(p.args, len(p.spans))
	}
	command := p.buf[p.start:p.end]
	for _, s := range p.spans {
		p.args = append(p.args, command[s.from:s.to:s.to])
	}
	if cap(p.spans) > keepArgs {
		p.spans = nil
	}
}

// finish ends the command in progress, which is whole, at pos.
func (p *Parser) finish() [][]byte {
	args := p.args[p.first:len(p.args):len(p.args)]
	if len(args) > 0 {
		p.rawAt, p.rawEnd = p.start, p.pos
		p.consumed += int64(p.pos - p.start)
	}
	p.start, p.first, p.begun = p.pos, len(p.args), false
	return args
}

// ordinary returns the next command if it is whole, and of few arguments with lengths of up to two digits, as nearly
// all are. All others, and what is no command, it leaves to multibulk.
func (p *Parser) ordinary() [][]byte {
	if p.begun || p.limits.Unauthenticated || p.limits.MaxBulk < 100 || p.limits.MaxArgs < 100 {
		return nil
	}
	buf, at := p.buf[:p.end], p.start
	if at+shortLine > len(buf) {
		return nil
	}
	left, size := shortLength(binary.LittleEndian.Uint32(buf[at:]), '*')
	if left == 0 {
		return nil
	}
	at += size
	args := p.args
	for ; left > 0; left-- {
		if at+shortLine > len(buf) {
			return nil // what was added to args is written over
		}
		n, size := shortLength(binary.LittleEndian.Uint32(buf[at:]), '$')
		from, to := at+size, at+size+n
		if size == 0 || to+2 > len(buf) {
			return nil
		}
		args = append(args, buf[from:to:to])
		at = to + 2 // like Redis, without looking at the line end
	}
	p.args, p.pos = args, at
	return p.finish()
}

// shortLine is how long a line with a length of two digits is, and less than what an argument takes at least.
const shortLine = 5

// shortLength reads a length of one or two digits behind a kind, given the first four bytes of its line, and how long
// it is with its line end; size 0 means that there is none.
func shortLength(line uint32, kind byte) (n, size int) {
	first, second := line>>8&0xff-'0', line>>16&0xff-'0'
	if line&0xff != uint32(kind) || first > 9 {
		return 0, 0
	}
	if line>>16&0xff == '\r' {
		return int(first), 4
	}
	if second <= 9 && first > 0 && line>>24 == '\r' {
		return int(first*10 + second), 5
	}
	return 0, 0
}

// multibulk goes on with a command of the form *2\r\n$3\r\nGET\r\n$1\r\nk\r\n; done when it is whole.
func (p *Parser) multibulk() (done bool, err error) {
	if !p.begun {
		p.pos = p.start
		n, next, ok := readLength(p.buf[:p.end], p.pos+1)
		switch {
		case next == 0:
			return false, p.lineLimit(p.start, "too big mbulk count string")
		case !ok || n > int64(p.limits.MaxArgs):
			return false, ProtocolError("invalid multibulk length")
		case n > strangerMaxArgs && p.limits.Unauthenticated:
			return false, ProtocolError("unauthenticated multibulk length")
		}
		p.pos, p.left = next, int(max(n, 0))
		p.begun, p.known, p.spans = true, false, p.spans[:0]
	}
	buf := p.buf[:p.end]
	for p.left > 0 {
		if !p.known {
			if p.pos >= p.end {
				return false, nil
			}
			n, next, ok := readLength(buf, p.pos+1)
			switch {
			case next == 0:
				return false, p.lineLimit(p.pos, "too big bulk count string")
			case buf[p.pos] != '$':
				return false, ProtocolError("expected '$', got '" + string(buf[p.pos:p.pos+1]) + "'")
			case !ok || n < 0 || n > p.limits.MaxBulk:
				return false, ProtocolError("invalid bulk length")
			case n > strangerMaxBulk && p.limits.Unauthenticated:
				return false, ProtocolError("unauthenticated bulk length")
			}
			p.pos, p.bulk, p.known = next, int(n), true
		}
		if p.end-p.pos < p.bulk+2 {
			return false, nil
		}
		stop := p.pos + p.bulk
		// it doubles: there may be millions, of which the number is known, but perhaps a lie
		if len(p.spans) == cap(p.spans) {
			p.spans = slices.Grow(p.spans, min(p.left, max(len(p.spans), 16)))
		}
		p.spans = append(p.spans, span{p.pos - p.start, stop - p.start})
		p.pos = stop + 2 // like Redis, without looking at the line end
		p.known = false
		p.left--
	}
	p.gather()
	return true, nil
}

// lineLimit reports a length line that has no end yet though it is longer than any sensible one.
func (p *Parser) lineLimit(from int, reason string) error {
	if p.end-from > p.limits.MaxInline {
		return ProtocolError(reason)
	}
	return nil
}

// inline goes on with a command given as one line of words.
func (p *Parser) inline() (done bool, err error) {
	p.pos = max(p.pos, p.start) // what lies before was searched already
	i := bytes.IndexByte(p.buf[p.pos:p.end], '\n')
	if i < 0 {
		p.pos = p.end
		return false, p.lineLimit(p.start, "too big inline request")
	}
	line := p.buf[p.start : p.pos+i]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	args, ok := splitInline(p.args, line)
	if !ok {
		return false, ProtocolError("unbalanced quotes in request")
	}
	p.args = args
	p.pos += i + 1
	return true, nil
}

// readLength reads the decimal number of a length line starting at i and returns the index after its line end; next is
// 0 when the line is not whole yet, ok is false when it is not a number.
func readLength(buf []byte, i int) (n int64, next int, ok bool) {
	// Nearly all lengths have few digits; 18 of them cannot overflow.
	for j := i; j < len(buf) && j < i+18; j++ {
		c := buf[j]
		if c-'0' <= 9 {
			n = n*10 + int64(c-'0')
			continue
		}
		if c == '\r' && j > i && (buf[i] != '0' || j == i+1) {
			if j+1 >= len(buf) {
				return 0, 0, false
			}
			return n, j + 2, true
		}
		break
	}
	// The rest (signs, errors, incomplete lines) is rare.
	if i > len(buf) {
		return 0, 0, false
	}
	j := bytes.IndexByte(buf[i:], '\r')
	if j < 0 || i+j+1 >= len(buf) {
		return 0, 0, false
	}
	n, ok = ParseInt(buf[i : i+j])
	return n, i + j + 2, ok
}
