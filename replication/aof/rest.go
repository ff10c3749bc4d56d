package aof

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Rest is what stands on disk behind the place at which the log stops being whole.
type Rest struct {
	Bytes    int64
	Commands int // that are whole, but for those of a transaction that the log ends in
}

// Rest looks, after a load that has failed, at what Truncate(End()) would throw away.
func (f *Files) Rest() (rest Rest, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.m.of(kindIncr) {
		from := e.header
		if e.start <= f.end {
			from += f.end - e.start
		}
		if err := f.addRest(&rest, e.name, from); err != nil {
			return rest, fmt.Errorf("aof: looking at what follows in %s: %w", f.path(e.name), err)
		}
	}
	return rest, nil
}

// addRest adds what stands in a file from a place on.
func (f *Files) addRest(rest *Rest, name string, from int64) (err error) {
	file, err := f.cfg.FS.Open(f.path(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return err
	}
	rest.Bytes += max(size-from, 0)
	for from < size {
		s := NewScanner(io.NewSectionReader(file, from, size-from), from)
		for {
			batch, err := s.Next()
			if err == nil {
				rest.Commands += len(batch)
				continue
			}
			var torn *TornError
			var damage *DamageError
			if !errors.Is(err, io.EOF) && !errors.As(err, &torn) && !errors.As(err, &damage) {
				return err
			}
			break
		}
		if from, err = findCommand(file, s.began+1, size); err != nil {
			return err
		}
	}
	return nil
}

// findCommand finds the first place in a file, from one on, where a command may begin; or answers the file's size.
func findCommand(file io.ReaderAt, from, size int64) (int64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(file, from, max(size-from, 0)), scanBuffer)
	for ; ; from++ {
		switch c, err := r.ReadByte(); {
		case errors.Is(err, io.EOF):
			return size, nil
		case err != nil:
			return 0, err
		case c != '*':
			continue
		}
		if head, _ := r.Peek(maxHead); beginsCommand(head) {
			return from, nil
		}
	}
}

const maxHead = 2 * (maxNumber + 3)

// beginsCommand reports whether these bytes, behind a '*', are how a command begins: two numbers, each with its line,
// of which '$' is before the second.
func beginsCommand(head []byte) bool {
	for _, next := range []byte{'$', 0} {
		digits := 0
		for digits < len(head) && head[digits] >= '0' && head[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits > maxNumber || len(head) < digits+2 || head[digits] != '\r' || head[digits+1] != '\n' {
			return false
		}
		head = head[digits+2:]
		if next != 0 {
			if len(head) == 0 || head[0] != next {
				return false
			}
			head = head[1:]
		}
	}
	return true
}
