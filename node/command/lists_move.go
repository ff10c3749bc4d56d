package command

import (
	"bytes"
	"strings"
	"time"

	"holdfast/internal/bulk"
	"holdfast/node/store"
	"holdfast/resp"
)

func rPopLPush(c *Context, args [][]byte, w *resp.Writer) error {
	return moveElement(c, args, w, right, left)
}

// parseEnds reads from where to where an element is to go.
func parseEnds(args [][]byte) (from, to listEnd, err error) {
	if from, err = parseEnd(args[3]); err == nil {
		to, err = parseEnd(args[4])
	}
	return from, to, err
}

func lMove(c *Context, args [][]byte, w *resp.Writer) error {
	from, to, err := parseEnds(args)
	if err != nil {
		return err
	}
	return moveElement(c, args, w, from, to)
}

func moveElement(c *Context, args [][]byte, w *resp.Writer, from, to listEnd) error {
	_, found, err := c.listForWrite(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Null()
		return nil
	}
	return c.moveElement(args[1], args[2], from, to, w)
}

// moveElement takes an element from a list that exists to another, and answers it.
func (c *Context) moveElement(src, dst []byte, from, to listEnd, w *resp.Writer) error {
	_, found, err := c.listForWrite(dst)
	if err != nil {
		return err
	}
	it, _ := c.DB.Get(src) // where it is now: dst may have expired
	var number [20]byte
	val := bulk.Clone(it.ListIndex(from.index(&it), number[:]))
	rest := it.ListLen()
	if bytes.Equal(src, dst) {
		if from != to {
			c.DB.ListMoveEnd(src, from == left)
		}
		c.Notify(NotifyList, to.push(), dst)
	} else {
		rest = c.drop(src, &it, from, 1)
		c.DB.ListPush(dst, [][]byte{val}, to == left)
		c.pushed(dst, found, to)
	}
	c.Notify(NotifyList, from.pop(), src)
	c.deletedIfEmpty(src, rest)
	c.Dirty++
	w.Bulk(val)
	return nil
}

func brPopLPush(c *Context, args [][]byte, w *resp.Writer) error {
	timeout, err := parseTimeout(args[3])
	if err != nil {
		return err
	}
	effect := [][]byte{[]byte("RPOPLPUSH"), args[1], args[2]}
	return blockingMove(c, args, w, right, left, timeout, effect, effect)
}

func blMove(c *Context, args [][]byte, w *resp.Writer) error {
	from, to, err := parseEnds(args)
	if err != nil {
		return err
	}
	timeout, err := parseTimeout(args[5])
	if err != nil {
		return err
	}
	move := []byte("LMOVE")
	effect := [][]byte{move, args[1], args[2], args[3], args[4]}
	// as in Redis, no longer the client's words
	waited := [][]byte{move, args[1], args[2], []byte(from.String()), []byte(to.String())}
	return blockingMove(c, args, w, from, to, timeout, effect, waited)
}

// blockingMove waits until there is an element to take from one list to the other. It leaves effect, or waited if it
// had to wait.
func blockingMove(
	c *Context, args [][]byte, w *resp.Writer, from, to listEnd, timeout time.Duration, effect, waited [][]byte,
) error {
	_, found, err := c.listForWrite(args[1])
	switch {
	case err != nil:
		return err
	case found:
		if err := c.moveElement(args[1], args[2], from, to, w); err != nil {
			return err
		}
		c.Replicate(effect...)
		return nil
	case c.InExec:
		w.Null()
		return nil
	}
	waited = Copy(waited)
	c.BlockOn(args[1:2], timeout, func(c *Context, key []byte) bool {
		if _, _, err := c.listForWrite(key); err != nil {
			return false
		}
		if err := c.moveElement(key, waited[2], from, to, &c.S.W); err != nil {
			c.fail(err)
			return true
		}
		c.Replicate(waited...)
		return true
	}, (*resp.Writer).NullArray)
	return nil
}

func blPop(c *Context, args [][]byte, w *resp.Writer) error { return blockingPop(c, args, w, left) }
func brPop(c *Context, args [][]byte, w *resp.Writer) error { return blockingPop(c, args, w, right) }

func blockingPop(c *Context, args [][]byte, w *resp.Writer, e listEnd) error {
	last := len(args) - 1
	timeout, err := parseTimeout(args[last])
	if err != nil {
		return err
	}
	return popFirst(c, args[1:last], popper{e, 0}, w, &timeout)
}

// popper takes elements from an end of a list.
type popper struct {
	from  listEnd
	count int // 0: one, answered as such
}

// serve answers elements of a list with its key, and removes them.
func (p popper) serve(c *Context, key []byte, it store.Item, w *resp.Writer) {
	w.Array(2)
	w.Bulk(key)
	if p.count == 0 {
		p.from.write(w, &it, 1)
		c.popped(key, &it, p.from, 1)
		c.Replicate([]byte(strings.ToUpper(p.from.pop())), key)
		return
	}
	n := min(p.count, it.ListLen())
	w.Array(n)
	p.from.write(w, &it, n)
	c.popped(key, &it, p.from, n)
	c.Replicate([]byte(strings.ToUpper(p.from.pop())), key, []byte(itoa(int64(n))))
}

// popFirst takes from the first of the keys that is there. If none is, it waits, unless there is no timeout.
func popFirst(c *Context, keys [][]byte, p popper, w *resp.Writer, timeout *time.Duration) error {
	for _, key := range keys {
		it, found, err := c.listForWrite(key)
		if err != nil {
			return err
		}
		if found {
			p.serve(c, key, it, w)
			return nil
		}
	}
	if timeout == nil {
		w.NullArray()
		return nil
	}
	c.BlockOn(keys, *timeout, func(c *Context, key []byte) bool {
		it, _, err := c.listForWrite(key)
		if err != nil {
			return false
		}
		p.serve(c, key, it, &c.S.W)
		return true
	}, (*resp.Writer).NullArray)
	return nil
}

func lmPop(c *Context, args [][]byte, w *resp.Writer) error {
	keys, p, err := parseMPop(args[1:])
	if err != nil {
		return err
	}
	return popFirst(c, keys, p, w, nil)
}

func blmPop(c *Context, args [][]byte, w *resp.Writer) error {
	keys, p, err := parseMPop(args[2:])
	if err != nil {
		return err
	}
	timeout, err := parseTimeout(args[1])
	if err != nil {
		return err
	}
	return popFirst(c, keys, p, w, &timeout)
}

// parseMPop reads numkeys key... LEFT|RIGHT [COUNT count].
func parseMPop(args [][]byte) (keys [][]byte, p popper, err error) {
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 {
		return nil, p, resp.Error("ERR numkeys should be greater than 0")
	}
	if n >= int64(len(args)-1) {
		return nil, p, ErrSyntax
	}
	keys, args = args[1:n+1], args[n+1:]
	if p.from, err = parseEnd(args[0]); err != nil {
		return nil, p, err
	}
	for args = args[1:]; len(args) > 0; args = args[2:] {
		if len(args) < 2 || p.count > 0 || !isWord(args[0], "count") {
			return nil, p, ErrSyntax
		}
		count, ok := resp.ParseInt(args[1])
		if !ok || count < 1 {
			return nil, p, resp.Error("ERR count should be greater than 0")
		}
		p.count = int(count)
	}
	p.count = max(p.count, 1)
	return keys, p, nil
}
