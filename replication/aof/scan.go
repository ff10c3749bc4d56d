package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Entry is one command of the log: its arguments, and the bytes it stands as.
type Entry struct {
	Args [][]byte
	Raw  []byte
}

// DamageError is a place in a log that is no command, with more behind it than a crash could have left.
type DamageError struct {
	Offset int64 // in the file
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged at byte %d: %s", e.Offset, e.Reason)
}

// TornError is a log that ends inside a command, or inside a transaction: a crash cut the last write short. Or, where
// it was not synced yet, in bytes that are not those that were written.
type TornError struct {
	Offset  int64 // in the file: where the command, or its transaction, begins
	Size    int64 // bytes of the file
	Changed bool  // the bytes fail their checksum
}

func (e *TornError) Error() string {
	if e.Changed {
		return fmt.Sprintf("torn: the last %d bytes, from byte %d on, were not synced and are not what was written",
			e.Size-e.Offset, e.Offset)
	}
	return fmt.Sprintf("torn: the last %d bytes, from byte %d on, are no whole command", e.Size-e.Offset, e.Offset)
}

// Scanner reads commands from an incremental file, and knows where it is.
type Scanner struct {
	r     *bufio.Reader
	at    int64 // read so far
	began int64 // where the command that was read last begins
	end   int64 // behind the last whole command or transaction

	raw   []byte    // the bytes of the batch in hand
	args  [][2]int  // where its arguments stand in raw
	cuts  []command // its commands
	batch []Entry
	words [][]byte
}

// command is one of a batch: where its bytes, and its arguments, end.
type command struct{ raw, args int }

const (
	scanBuffer = 256 << 10
	firstPiece = 64 << 10 // of an argument whose bytes have not arrived yet
	maxNumber  = 15       // digits
	maxKept    = 4 << 20  // larger buffers are not kept
)

// NewScanner reads from r, which stands at byte at of the file.
func NewScanner(r io.Reader, at int64) *Scanner {
	return &Scanner{r: bufio.NewReaderSize(r, scanBuffer), at: at, end: at}
}

// End is the place in the file behind the last whole command or transaction.
func (s *Scanner) End() int64 { return s.end }

// Next returns the next command, or all of a transaction from MULTI to EXEC, valid until the next call. At the file's
// end it answers io.EOF, else a TornError, a DamageError, or the reader's error.
func (s *Scanner) Next() ([]Entry, error) {
	if cap(s.raw) > maxKept {
		s.raw = nil
	}
	s.raw, s.args, s.cuts = s.raw[:0], s.args[:0], s.cuts[:0]
	for multi := false; ; {
		whole, err := s.command()
		switch {
		case errors.Is(err, io.EOF) && s.at == s.end:
			return nil, io.EOF
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, &TornError{Offset: s.end, Size: s.at}
		case err != nil:
			return nil, err
		case !whole:
			continue // a comment
		}
		first := 0
		if n := len(s.cuts); n > 0 {
			first = s.cuts[n-1].args
		}
		name := s.raw[s.args[first][0]:s.args[first][1]]
		s.cuts = append(s.cuts, command{len(s.raw), len(s.args)})
		switch {
		case bytes.EqualFold(name, []byte("multi")):
			multi = true
		case bytes.EqualFold(name, []byte("exec")), bytes.EqualFold(name, []byte("discard")):
			multi = false
		}
		if !multi {
			s.end = s.at
			return s.entries(), nil
		}
	}
}

// entries makes the batch of what stands in raw.
func (s *Scanner) entries() []Entry {
	s.batch, s.words = s.batch[:0], s.words[:0]
	for _, a := range s.args {
		s.words = append(s.words, s.raw[a[0]:a[1]:a[1]])
	}
	var from command
	for _, c := range s.cuts {
		s.batch = append(s.batch, Entry{Args: s.words[from.args:c.args:c.args], Raw: s.raw[from.raw:c.raw:c.raw]})
		from = c
	}
	return s.batch
}

// command reads one command to the end of raw; or a comment, which it drops.
func (s *Scanner) command() (whole bool, err error) {
	s.began = s.at
	first, err := s.r.ReadByte()
	if err != nil {
		return false, err
	}
	s.at++
	if first == '#' {
		return false, s.comment()
	}
	s.raw = append(s.raw, first)
	count, err := s.number('*')
	if err != nil {
		return false, err
	}
	if count < 1 {
		return false, s.damaged("a command of %d arguments", count)
	}
	for range count {
		kind, err := s.r.ReadByte()
		if err != nil {
			return false, err
		}
		s.at++
		s.raw = append(s.raw, kind)
		size, err := s.number('$')
		if err != nil {
			return false, err
		}
		start := len(s.raw)
		if err := s.bytes(size + 2); err != nil {
			return false, err
		}
		end := start + int(size)
		if s.raw[end] != '\r' || s.raw[end+1] != '\n' {
			return false, s.damaged("an argument of %d bytes does not end with its line", size)
		}
		s.args = append(s.args, [2]int{start, end})
	}
	return true, nil
}

// number reads the rest of a line whose first byte, which is to be mark, is the last of raw.
func (s *Scanner) number(mark byte) (n int64, err error) {
	if got := s.raw[len(s.raw)-1]; got != mark {
		return 0, s.damaged("%q where %q is expected", got, mark)
	}
	for digits := 0; ; digits++ {
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		s.at++
		s.raw = append(s.raw, c)
		switch {
		case c >= '0' && c <= '9' && digits < maxNumber:
			n = n*10 + int64(c-'0')
		case c == '\r' && digits > 0:
			if c, err = s.r.ReadByte(); err != nil {
				return 0, err
			}
			s.at++
			s.raw = append(s.raw, c)
			if c != '\n' {
				return 0, s.damaged("%q instead of the end of a line", c)
			}
			return n, nil
		default:
			return 0, s.damaged("%q in a number", c)
		}
	}
}

// bytes appends n bytes to raw. It grows as bytes arrive: a length that lies costs nothing.
func (s *Scanner) bytes(n int64) error {
	for n > 0 {
		have := len(s.raw)
		step := int(min(n, max(int64(have), firstPiece)))
		s.raw = slices.Grow(s.raw, step)[:have+step]
		got, err := io.ReadFull(s.r, s.raw[have:])
		s.at += int64(got)
		if err != nil {
			return err
		}
		n -= int64(step)
	}
	return nil
}

// comment skips a line; Redis notes the time in such lines.
func (s *Scanner) comment() error {
	for {
		line, err := s.r.ReadSlice('\n')
		s.at += int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return err
		default:
			if len(s.cuts) == 0 {
				s.end = s.at
			}
			return nil
		}
	}
}

func (s *Scanner) damaged(format string, args ...any) error {
	return &DamageError{Offset: s.at - 1, Reason: fmt.Sprintf(format, args...)}
}
