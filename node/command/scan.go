package command

import (
	"strconv"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

func dbSize(c *Context, _ [][]byte, w *resp.Writer) error {
	w.Int(int64(c.DB.Len()))
	return nil
}

// keys hides what has expired and leaves its deletion to others: it must not change what it walks through.
func keys(c *Context, args [][]byte, w *resp.Writer) error {
	pattern := args[1]
	all := string(pattern) == "*"
	list, n := w.ArrayLater(), 0
	c.DB.Each(func(it store.Item) bool {
		if (all || resp.Match(pattern, it.Key(), false)) && !c.Expired(&it) {
			w.Bulk(it.Key())
			n++
		}
		return true
	})
	w.SetLen(list, n)
	return nil
}

// A replica can't delete expired keys, so where all keys have an expiry it stops looking for a live one after this
// many.
const maxRandomTries = 100

func randomKey(c *Context, _ [][]byte, w *resp.Writer) error {
	for tries := 1; ; tries++ {
		it, ok := c.DB.Random(c.Rand)
		if !ok {
			w.Null()
			return nil
		}
		hopeless := tries == maxRandomTries && !c.Engine.Master() && c.DB.Len() == c.DB.Expires()
		if !c.Expired(&it) || hopeless {
			w.Bulk(it.Key())
			return nil
		}
		c.Find(append([]byte(nil), it.Key()...)) // deletes it; the item's memory goes with it
	}
}

// scanOptions are what SCAN and its like take after the cursor.
type scanOptions struct {
	pattern []byte // nil: any key
	typ     string // "": any type
	visits  int    // how many a call visits, or a little more

	ofHash, noValues bool // NOVALUES is for hashes
}

// shows reports whether the pattern matches.
func (o *scanOptions) shows(name []byte) bool {
	return o.pattern == nil || resp.Match(o.pattern, name, false)
}

// maxScanCount bounds what one call visits, however much was asked for, to what a reply can hold.
const maxScanCount = 1 << 30

// parse reads the options; TYPE only where keys are scanned, not the elements of one.
func (o *scanOptions) parse(args [][]byte, ofKeys bool) error {
	o.visits = 10
	for i := 0; i < len(args); i += 2 {
		more := i+1 < len(args)
		switch a := args[i]; {
		case more && isWord(a, "count"):
			n, ok := resp.ParseInt(args[i+1])
			if !ok {
				return ErrNotInteger
			}
			if n < 1 {
				return ErrSyntax
			}
			o.visits = int(min(n, maxScanCount))
		case more && isWord(a, "match"):
			o.pattern = args[i+1]
			if string(o.pattern) == "*" {
				o.pattern = nil
			}
		case more && ofKeys && isWord(a, "type"):
			o.typ = cText(args[i+1])
			if o.typ == "" {
				o.typ = "\x00" // the name of no type
			}
		case o.ofHash && isWord(a, "novalues"):
			o.noValues = true
			i--
		default:
			return ErrSyntax
		}
	}
	return nil
}

// scanPage collects the elements that one call of SSCAN, HSCAN or ZSCAN answers.
type scanPage struct {
	scanOptions
	count int
	list  resp.Writer
}

// add answers one more; its bytes are copied.
func (p *scanPage) add(b []byte) {
	p.list.Bulk(b)
	p.count++
}

// scanElements answers a call of SSCAN, HSCAN or ZSCAN: open looks for the key, without which the options are not
// looked at, as in Redis; scan goes on from the cursor, adds what is to be shown, and returns the next one.
func scanElements(args [][]byte, w *resp.Writer, p *scanPage, open func() (found bool, err error),
	scan func(cursor uint64) uint64) error {
	cursor, err := parseCursor(args[2])
	if err != nil {
		return err
	}
	found, err := open()
	if err != nil {
		return err
	}
	if found {
		if err := p.parse(args[3:], false); err != nil {
			return err
		}
	}
	p.list.Proto = w.Proto
	cursor = scan(cursor)
	w.Array(2)
	w.BulkString(strconv.FormatUint(cursor, 10))
	w.Array(p.count)
	w.Raw(p.list.Buf)
	return nil
}

// parseCursor reads what C's strtoul reads: a sign is fine, so is nothing at all, and a zero byte ends it.
func parseCursor(b []byte) (uint64, error) {
	text := cText(b)
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimPrefix(text, "+")
	negative := text[0] == '-'
	if negative {
		digits = text[1:]
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, errCursor
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, errCursor
	}
	if negative {
		n = -n
	}
	return n, nil
}

const errCursor = resp.Error("ERR invalid cursor")

func scan(c *Context, args [][]byte, w *resp.Writer) error {
	cursor, err := parseCursor(args[1])
	if err != nil {
		return err
	}
	var o scanOptions
	if err := o.parse(args[2:], true); err != nil {
		return err
	}
	// The keys are copied: looking one up may delete it, which must not happen while the store walks.
	var found []byte
	var ends []int
	cursor = c.DB.Scan(cursor, o.visits, func(it store.Item) {
		if o.shows(it.Key()) {
			found = append(found, it.Key()...)
			ends = append(ends, len(found))
		}
	})
	w.Array(2)
	w.BulkString(strconv.FormatUint(cursor, 10))
	list, n, start := w.ArrayLater(), 0, 0
	for _, end := range ends {
		if key := found[start:end]; c.scanShows(key, o.typ) {
			w.Bulk(key)
			n++
		}
		start = end
	}
	w.SetLen(list, n)
	return nil
}

func (c *Context) scanShows(key []byte, typ string) bool {
	if typ == "" {
		_, ok := c.Find(key)
		return ok
	}
	it, ok := c.peek(key)
	return ok && strings.EqualFold(typ, it.Type().String())
}
