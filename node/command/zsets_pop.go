package command

import (
	"bytes"
	"strconv"

	"holdfast/node/store"
	"holdfast/resp"
)

var wordZPopMin, wordZPopMax = []byte("ZPOPMIN"), []byte("ZPOPMAX")

// zPop is what a pop takes, and how it answers.
type zPop struct {
	max    bool
	count  int64
	pairs  bool // the answer has pairs of member and score, not both in turn
	counts bool // the effect has a count
}

// take removes members from an end of a sorted set and writes them, after what begin writes for that many.
func (p *zPop) take(c *Context, key []byte, z store.ZSet, w *resp.Writer, begin func(n int)) {
	size := z.Len()
	n := int(min(p.count, int64(size)))
	begin(n)
	from, lo := 0, 0
	if p.max {
		from, lo = size-1, size-n
	}
	z.Range(from, n, p.max, func(member []byte, score float64) {
		if p.pairs {
			w.Array(2)
		}
		w.Bulk(member)
		w.Double(score)
	})
	c.DB.ZSetRemoveRange(key, lo, lo+n)
	event := "zpopmin"
	if p.max {
		event = "zpopmax"
	}
	c.tookRanked(event, key, n, n == size)
}

// takeNamed is take for the commands that may look at several keys: they answer which one it was, and travel as ZPOPMIN
// or ZPOPMAX.
func (p *zPop) takeNamed(c *Context, key []byte, z store.ZSet, w *resp.Writer) {
	effect := [][]byte{wordZPopMin, key}
	if p.max {
		effect[0] = wordZPopMax
	}
	p.take(c, key, z, w, func(n int) {
		if !p.pairs {
			w.Array(2*n + 1)
			w.Bulk(key)
		} else {
			w.Array(2)
			w.Bulk(key)
			w.Array(n)
		}
		if p.counts {
			effect = append(effect, strconv.AppendInt(nil, int64(n), 10))
		}
	})
	c.Replicate(effect...)
}

// first finds the first of the keys that exists, and takes from it.
func (p *zPop) first(c *Context, keys [][]byte, w *resp.Writer) (taken bool, err error) {
	for _, key := range keys {
		z, found, err := c.zsetForWrite(key)
		if err != nil {
			return false, err
		}
		if found {
			p.takeNamed(c, key, z, w)
			return true, nil
		}
	}
	return false, nil
}

// await is first, or waits until there is something to take.
func (p *zPop) await(c *Context, keys [][]byte, timeout []byte, w *resp.Writer) error {
	d, err := parseTimeout(timeout)
	if err != nil {
		return err
	}
	if taken, err := p.first(c, keys, w); taken || err != nil {
		return err
	}
	waiting := make([][]byte, len(keys))
	for i, key := range keys {
		waiting[i] = bytes.Clone(key)
	}
	c.BlockOn(waiting, d, func(c *Context, key []byte) bool {
		it, found := c.Write(key)
		if !found || it.Type() != store.TypeZSet {
			return false
		}
		p.takeNamed(c, key, it.ZSet(), &c.S.W)
		return true
	}, (*resp.Writer).NullArray)
	return nil
}

func zPopMin(c *Context, args [][]byte, w *resp.Writer) error { return zPopOne(c, args, zPop{}, w) }

func zPopMax(c *Context, args [][]byte, w *resp.Writer) error {
	return zPopOne(c, args, zPop{max: true}, w)
}

func zPopOne(c *Context, args [][]byte, p zPop, w *resp.Writer) error {
	if len(args) > 3 {
		return ErrSyntax
	}
	p.count = 1
	if len(args) == 3 {
		var ok bool
		if p.count, ok = resp.ParseInt(args[2]); !ok || p.count < 0 {
			return ErrNotPositive
		}
		p.pairs = w.Proto == 3
	}
	z, found, err := c.zsetForWrite(args[1])
	if err != nil {
		return err
	}
	if !found || p.count == 0 {
		w.Array(0)
		return nil
	}
	p.take(c, args[1], z, w, func(n int) {
		if !p.pairs {
			n *= 2
		}
		w.Array(n)
	})
	return nil
}

func bzPopMin(c *Context, args [][]byte, w *resp.Writer) error {
	p := zPop{count: 1}
	return p.await(c, args[1:len(args)-1], args[len(args)-1], w)
}

func bzPopMax(c *Context, args [][]byte, w *resp.Writer) error {
	p := zPop{max: true, count: 1}
	return p.await(c, args[1:len(args)-1], args[len(args)-1], w)
}

func zMPop(c *Context, args [][]byte, w *resp.Writer) error {
	p, keys, err := parseZMPop(args[1:])
	if err != nil {
		return err
	}
	if taken, err := p.first(c, keys, w); taken || err != nil {
		return err
	}
	w.NullArray()
	return nil
}

func bzMPop(c *Context, args [][]byte, w *resp.Writer) error {
	p, keys, err := parseZMPop(args[2:])
	if err != nil {
		return err
	}
	return p.await(c, keys, args[1], w)
}

// parseZMPop reads the arguments of ZMPOP from the number of keys on.
func parseZMPop(args [][]byte) (p zPop, keys [][]byte, err error) {
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 {
		return p, nil, resp.Error("ERR numkeys should be greater than 0")
	}
	if n >= int64(len(args)-1) {
		return p, nil, ErrSyntax
	}
	keys, args = args[1:1+n], args[1+n:]
	p = zPop{max: isWord(args[0], "max"), count: 1, pairs: true, counts: true}
	if !p.max && !isWord(args[0], "min") {
		return p, nil, ErrSyntax
	}
	switch args = args[1:]; {
	case len(args) == 0:
		return p, keys, nil
	case len(args) < 2 || !isWord(args[0], "count"):
		return p, nil, ErrSyntax
	}
	if p.count, ok = resp.ParseInt(args[1]); !ok || p.count < 1 {
		return p, nil, resp.Error("ERR count should be greater than 0")
	}
	if len(args) > 2 {
		return p, nil, ErrSyntax
	}
	return p, keys, nil
}
