package command

import (
	"slices"

	"holdfast/node/store"
	"holdfast/resp"
)

const (
	errTwoTrimmings = resp.Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
	errTooSmallID   = resp.Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	errZeroID       = resp.Error("ERR The ID specified in XADD must be greater than 0-0")
	errNoMoreIDs    = resp.Error("ERR The stream has exhausted the last possible ID, unable to add more items")
	errLargeEntry   = resp.Error("ERR Elements are too large to be stored")
)

// mostEntryBytes is how large the texts of an entry may be together.
const mostEntryBytes = 1 << 30

// trimOptions are those of XADD and XTRIM.
type trimOptions struct {
	store.Trimming
	noStream bool // no stream is created
	trims    bool
	at       int // where the length or id stands that is trimmed to
	limited  bool
}

// parse reads the options from number 2 on, and returns where XADD's id stands.
func (o *trimOptions) parse(c *Context, args [][]byte, adds bool) (idAt int, err error) {
	i := 2
options:
	for ; i < len(args); i++ {
		more := len(args) - 1 - i
		switch opt := args[i]; {
		case adds && len(opt) == 1 && opt[0] == '*':
			break options
		case more > 0 && (isWord(opt, "maxlen") || isWord(opt, "minid")):
			if i, err = o.parseTrimming(args, i, isWord(opt, "minid")); err != nil {
				return 0, err
			}
		case more > 0 && isWord(opt, "limit"):
			i++
			o.limited = true
			if o.Limit, err = intArgument(args[i]); err != nil {
				return 0, err
			}
			if o.Limit < 0 {
				return 0, resp.Error("ERR The LIMIT argument must be >= 0.")
			}
		case adds && isWord(opt, "nomkstream"):
			o.noStream = true
		case adds:
			break options // an id, or nothing that is one
		default:
			return 0, ErrSyntax
		}
	}
	return i, o.complete(c, adds, args[min(i, len(args)):])
}

// parseTrimming reads MAXLEN or MINID, and returns where its last word is.
func (o *trimOptions) parseTrimming(args [][]byte, i int, byID bool) (last int, err error) {
	if o.trims {
		return 0, errTwoTrimmings
	}
	o.trims, o.ByID, o.Whole = true, byID, false
	if next := args[i+1]; len(args)-1-i >= 2 && len(next) == 1 && (next[0] == '~' || next[0] == '=') {
		o.Whole = next[0] == '~'
		i++
	}
	i++
	o.at = i
	if byID {
		o.ID, err = strictID(args[i])
		return i, err
	}
	n, err := intArgument(args[i])
	if err == nil && n < 0 {
		err = resp.Error("ERR The MAXLEN argument must be >= 0.")
	}
	o.Length = uint64(n)
	return i, err
}

// complete checks what follows from all options together, and before that, as Redis does, XADD's id.
func (o *trimOptions) complete(c *Context, adds bool, rest [][]byte) error {
	if adds && len(rest) > 0 && string(rest[0]) != "*" {
		if _, _, err := parseStreamID(rest[0], idForm{open: true}); err != nil {
			return err
		}
	}
	switch {
	case o.Limit > 0 && !o.trims:
		return resp.Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	case !adds && !o.trims:
		return resp.Error("ERR syntax error, XTRIM must be called with a trimming strategy")
	case c.asItStands():
		o.Limit = 0 // what was decided elsewhere is done
	case o.limited && !o.Whole:
		return resp.Error("ERR syntax error, LIMIT cannot be used without the special ~ option")
	case !o.limited && o.Whole:
		const blocks, least, most = 100, 10_000, 1_000_000
		if o.Limit = blocks * min(c.Config.Int("stream-node-max-entries"), most); o.Limit <= 0 {
			o.Limit = least
		}
		o.Limit = min(o.Limit, most)
	}
	return nil
}

// trim does what the options say, and reports whether anything was removed.
func (o *trimOptions) trim(c *Context, s *store.Stream, key []byte) (removed int64) {
	if !o.trims {
		return 0
	}
	if removed = s.Trim(o.Trimming); removed > 0 {
		c.Notify(NotifyStream, "xtrim", key)
	}
	return removed
}

// exactly replaces in a command's words what was trimmed to by what that came to.
func (o *trimOptions) exactly(words [][]byte, s *store.Stream) {
	words[o.at-1] = []byte("=")
	if words[o.at] = decimal(int64(s.Len())); o.ByID {
		words[o.at] = streamIDText(s.EdgeID())
	}
}

func xAdd(c *Context, args [][]byte, w *resp.Writer) error {
	var o trimOptions
	idAt, err := o.parse(c, args, true)
	if err != nil {
		return err
	}
	if n := len(args) - idAt - 1; n < 2 || n%2 == 1 {
		return c.wrongArity()
	}
	key, pairs := args[1], args[idAt+1:]
	var given store.StreamID
	numbered, auto := false, string(args[idAt]) == "*"
	if !auto {
		given, numbered, _ = parseStreamID(args[idAt], idForm{open: true}) // it was read before
	}
	if numbered && given.IsZero() {
		return errZeroID
	}
	s, it, err := c.streamForWrite(key)
	switch {
	case err != nil:
		return err
	case s == nil && o.noStream:
		w.Null()
		return nil
	}
	var last store.StreamID
	if s != nil {
		last = s.LastID()
	}
	id, err := c.nextStreamID(last, given, auto, numbered)
	if err != nil {
		return err
	}
	size := 0
	for _, p := range pairs {
		size += len(p)
	}
	if size > mostEntryBytes {
		return errLargeEntry
	}
	if s == nil {
		s, it = c.DB.NewStream(key)
		c.Notify(NotifyNew, "new", key)
	} else {
		c.DB.EditStream(&it)
	}
	s.Append(id, pairs)
	writeStreamID(w, id)
	c.Notify(NotifyStream, "xadd", key)
	c.Dirty++
	o.trim(c, s, key)
	switch {
	case o.trims && o.Whole:
		words := slices.Clone(args)
		if !numbered {
			words[idAt] = streamIDText(id)
		}
		o.exactly(words, s)
		c.Replicate(words...)
	case !numbered: // as most are: the words are the client's but for one
		said := args[idAt]
		c.idText = id.AppendTo(c.idText[:0])
		args[idAt] = c.idText
		c.Replicate(args...)
		args[idAt] = said
	}
	c.DB.StreamChanged(&it, key, true)
	return nil
}

// nextStreamID is the id of an entry that is added behind the last one: as it was given, or with a number, or with the
// time as well.
func (c *Context) nextStreamID(last, given store.StreamID, auto, numbered bool) (id store.StreamID, err error) {
	if last == store.MaxStreamID {
		return id, errNoMoreIDs
	}
	switch now := uint64(c.Now); {
	case auto && now > last.Ms:
		return store.StreamID{Ms: now}, nil
	case auto:
		id, _ = last.Next()
		return id, nil
	case numbered || given.Ms != last.Ms:
		id = given
	case last.Seq+1 == 0:
		return id, errLargeEntry // as Redis
	default:
		id = store.StreamID{Ms: last.Ms, Seq: last.Seq + 1}
	}
	if !last.Before(id) {
		return id, errTooSmallID
	}
	return id, nil
}

func xTrim(c *Context, args [][]byte, w *resp.Writer) error {
	var o trimOptions
	if _, err := o.parse(c, args, false); err != nil {
		return err
	}
	key := args[1]
	s, it, err := c.streamForWrite(key)
	if err != nil {
		return err
	}
	if s == nil {
		w.Int(0)
		return nil
	}
	c.DB.EditStream(&it)
	removed := o.trim(c, s, key)
	if removed > 0 {
		c.Dirty += int(removed)
		if o.Whole {
			words := slices.Clone(args)
			o.exactly(words, s)
			c.Replicate(words...)
		}
		c.DB.StreamChanged(&it, key, true)
	}
	w.Int(removed)
	return nil
}

func xDel(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	s, it, err := c.streamForWrite(key)
	if err != nil {
		return err
	}
	if s == nil {
		w.Int(0)
		return nil
	}
	ids, err := parseStreamIDs(args[2:])
	if err != nil {
		return err
	}
	c.DB.EditStream(&it)
	removed := 0
	var last store.StreamID
	for _, id := range ids {
		if s.Delete(id) {
			removed++
			if last.Before(id) {
				last = id
			}
		}
	}
	if removed > 0 {
		s.Deleted(last)
		c.Dirty += removed
		c.DB.StreamChanged(&it, key, true)
		c.Notify(NotifyStream, "xdel", key)
	}
	w.Int(int64(removed))
	return nil
}

func xSetID(c *Context, args [][]byte, w *resp.Writer) error {
	id, err := strictID(args[2])
	if err != nil {
		return err
	}
	added, deleted := int64(-1), store.StreamID{}
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) > 1 && isWord(rest[0], "entriesadded"):
			if added, err = intArgument(rest[1]); err != nil {
				return err
			}
			if added < 0 {
				return resp.Error("ERR entries_added must be positive")
			}
		case len(rest) > 1 && isWord(rest[0], "maxdeletedid"):
			if deleted, err = strictID(rest[1]); err != nil {
				return err
			}
			if id.Before(deleted) {
				return resp.Error(
					"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
			}
		default:
			return ErrSyntax
		}
	}
	s, it, err := c.streamForWrite(args[1])
	switch {
	case err != nil:
		return err
	case s == nil:
		return ErrNoSuchKey
	case s.Len() > 0 && id.Before(s.TopID()):
		return resp.Error("ERR The ID specified in XSETID is smaller than the target stream top item")
	case s.Len() > 0 && added >= 0 && int64(s.Len()) > added:
		return resp.Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
	}
	c.DB.EditStream(&it)
	s.SetLastID(id)
	if added >= 0 {
		s.SetAdded(added)
	}
	if !deleted.IsZero() {
		s.SetMaxDeletedID(deleted)
	}
	c.Dirty++
	c.DB.StreamChanged(&it, args[1], false)
	c.Notify(NotifyStream, "xsetid", args[1])
	w.OK()
	return nil
}
