package command

import (
	"bytes"
	"math"
	"strconv"

	"holdfast/node/store"
	"holdfast/resp"
)

const (
	errStreamID    = resp.Error("ERR Invalid stream ID specified as stream command argument")
	errStreamStart = resp.Error("ERR invalid start ID for the interval")
	errStreamEnd   = resp.Error("ERR invalid end ID for the interval")
)

// streamForRead is Read for a command on streams: ErrWrongType for another type. The stream is nil if there is none.
func (c *Context) streamForRead(key []byte) (s *store.Stream, it store.Item, err error) {
	found, err := c.readAs(store.TypeStream, key, &it)
	if found && err == nil {
		s = it.Stream()
	}
	return s, it, err
}

// streamForWrite is Write for a command on streams.
func (c *Context) streamForWrite(key []byte) (s *store.Stream, it store.Item, err error) {
	found, err := c.writeAs(store.TypeStream, key, &it)
	if found && err == nil {
		s = it.Stream()
	}
	return s, it, err
}

// longestID is from how many bytes on Redis takes nothing for an id.
const longestID = 128

// idForm is what may stand for an id.
type idForm struct {
	missing uint64 // the number of one that is only a time
	edges   bool   // "-" and "+" are the first and the last id
	open    bool   // the number may be "*"
}

// parseStreamID reads an id. It is numbered unless its number is "*".
func parseStreamID(arg []byte, f idForm) (id store.StreamID, numbered bool, err error) {
	if len(arg) >= longestID {
		return id, true, errStreamID
	}
	arg, _, _ = bytes.Cut(arg, []byte{0})
	if len(arg) == 1 && (arg[0] == '-' || arg[0] == '+') {
		switch {
		case !f.edges:
			return id, true, errStreamID
		case arg[0] == '+':
			id = store.MaxStreamID
		}
		return id, true, nil
	}
	ms, seq, hasSeq := bytes.Cut(arg, []byte("-"))
	id.Seq = f.missing
	ok := parseUnsigned(ms, &id.Ms)
	switch {
	case !ok:
	case hasSeq && f.open && len(seq) == 1 && seq[0] == '*':
		id.Seq = 0
		return id, false, nil
	case hasSeq:
		ok = parseUnsigned(seq, &id.Seq)
	}
	if !ok {
		return id, true, errStreamID
	}
	return id, true, nil
}

// strictID reads an id that names one entry.
func strictID(arg []byte) (store.StreamID, error) {
	id, _, err := parseStreamID(arg, idForm{})
	return id, err
}

// parseUnsigned reads a number as Redis does: in its one plain form, or else as C's strtoull.
func parseUnsigned(text []byte, n *uint64) bool {
	if v, ok := resp.ParseInt(text); ok {
		*n = uint64(v)
		return v >= 0
	}
	digits := bytes.TrimLeft(text, " \t\n\v\f\r")
	negative := len(digits) > 0 && digits[0] == '-'
	if negative || len(digits) > 0 && digits[0] == '+' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return false
	}
	v, err := strconv.ParseUint(string(digits), 10, 64)
	if negative {
		v = -v
	}
	*n = v
	return err == nil
}

// parseRangeID reads an end of a range, which does not belong to it behind "(".
func parseRangeID(arg []byte, missing uint64) (id store.StreamID, open bool, err error) {
	if len(arg) > 1 && arg[0] == '(' {
		id, _, err = parseStreamID(arg[1:], idForm{missing: missing})
		return id, true, err
	}
	id, _, err = parseStreamID(arg, idForm{missing: missing, edges: true})
	return id, false, err
}

// parseRangeStart reads the lower end of a range.
func parseRangeStart(arg []byte) (store.StreamID, error) {
	id, open, err := parseRangeID(arg, 0)
	if err == nil && open {
		var ok bool
		if id, ok = id.Next(); !ok {
			err = errStreamStart
		}
	}
	return id, err
}

// parseRangeEnd reads the upper end of a range.
func parseRangeEnd(arg []byte) (store.StreamID, error) {
	id, open, err := parseRangeID(arg, math.MaxUint64)
	if err == nil && open {
		var ok bool
		if id, ok = id.Prev(); !ok {
			err = errStreamEnd
		}
	}
	return id, err
}

// parseStreamIDs reads ids that name entries.
func parseStreamIDs(args [][]byte) (ids []store.StreamID, err error) {
	ids = make([]store.StreamID, len(args))
	for i, arg := range args {
		if ids[i], err = strictID(arg); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// streamIDText is an id as an argument of an effect.
func streamIDText(id store.StreamID) []byte { return id.AppendTo(nil) }

func writeStreamID(w *resp.Writer, id store.StreamID) {
	var text [48]byte
	w.Bulk(id.AppendTo(text[:0]))
}

func writeStreamText(w *resp.Writer, t store.StreamText) {
	if t.Bytes == nil {
		w.BulkInt(t.Int)
		return
	}
	w.Bulk(t.Bytes)
}

// writeStreamEntry answers the present entry of a range.
func writeStreamEntry(w *resp.Writer, r *store.StreamRange) {
	w.Array(2)
	writeStreamID(w, r.ID)
	n := r.Fields()
	w.Array(2 * n)
	for range n {
		field, value := r.Pair()
		writeStreamText(w, field)
		writeStreamText(w, value)
	}
}

// streamEntries answers entries one after the other: names of fields that are those of the entry before are rendered
// already.
type streamEntries struct {
	w      *resp.Writer
	names  []byte // as the stream has them
	fields []byte // rendered, up to ends
	ends   []int
	memory struct { // of both, unless there are many
		fields [256]byte
		ends   [16]int
	}
}

func (e *streamEntries) write(r *store.StreamRange) {
	names := r.Names()
	if names == nil {
		writeStreamEntry(e.w, r)
		return
	}
	if len(e.names) != len(names) || &e.names[0] != &names[0] {
		e.render(r, names)
	}
	w := e.w
	w.Array(2)
	writeStreamID(w, r.ID)
	w.Array(2 * len(e.ends))
	from := 0
	for _, end := range e.ends {
		w.Raw(e.fields[from:end])
		writeStreamText(w, r.Value())
		from = end
	}
}

func (e *streamEntries) render(r *store.StreamRange, names []byte) {
	e.names, e.fields, e.ends = names, e.memory.fields[:0], e.memory.ends[:0]
	var number [20]byte
	r.EachName(func(name store.StreamText) {
		text := name.Text(number[:])
		e.fields = append(append(resp.AppendBulkHead(e.fields, len(text)), text...), '\r', '\n')
		e.ends = append(e.ends, len(e.fields))
	})
}

// writeStreamRange answers the entries of a range, at most so many if most is not 0.
func writeStreamRange(w *resp.Writer, r store.StreamRange, most int64) {
	list := w.ArrayLater()
	n := 0
	entries := streamEntries{w: w}
	for (most == 0 || int64(n) < most) && r.Next() {
		entries.write(&r)
		n++
	}
	w.SetLen(list, n)
}

func xLen(c *Context, args [][]byte, w *resp.Writer) error {
	s, _, err := c.streamForRead(args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		w.Int(0)
	default:
		w.Int(int64(s.Len()))
	}
	return nil
}

func xRange(c *Context, args [][]byte, w *resp.Writer) error { return streamRange(c, args, w, false) }

func xRevRange(c *Context, args [][]byte, w *resp.Writer) error { return streamRange(c, args, w, true) }

func streamRange(c *Context, args [][]byte, w *resp.Writer, rev bool) error {
	low, high := args[2], args[3]
	if rev {
		low, high = high, low
	}
	from, err := parseRangeStart(low)
	if err != nil {
		return err
	}
	to, err := parseRangeEnd(high)
	if err != nil {
		return err
	}
	count := int64(-1)
	for rest := args[4:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !isWord(rest[0], "count") {
			return ErrSyntax
		}
		if count, err = intArgument(rest[1]); err != nil {
			return err
		}
		count = max(count, 0)
	}
	s, _, err := c.streamForRead(args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		w.Array(0)
	case count == 0:
		w.NullArray()
	default:
		writeStreamRange(w, s.Range(from, to, rev), max(count, 0))
	}
	return nil
}
