package command

import (
	"fmt"
	"math"

	"holdfast/resp"
)

var wordSRem = []byte("SREM")

// sPop travels as what it came to: SREM of the members that chance chose, or DEL.
func sPop(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 3 {
		return ErrSyntax
	}
	if len(args) == 3 {
		return sPopCount(c, args, w)
	}
	key := args[1]
	set, found, err := c.setForWrite(key)
	if err != nil {
		return err
	}
	if !found {
		w.Null()
		return nil
	}
	size := set.Len()
	member := append([]byte(nil), set.Random(c.Rand, nil)...)
	c.DB.SetRemove(key, member)
	c.Dirty++
	c.Replicate(wordSRem, key, member)
	c.tookMembers("spop", key, size == 1)
	w.Bulk(member)
	return nil
}

func sPopCount(c *Context, args [][]byte, w *resp.Writer) error {
	count, ok := resp.ParseInt(args[2])
	if !ok || count < 0 {
		return ErrNotPositive
	}
	key := args[1]
	set, _, err := c.setForWrite(key)
	if err != nil {
		return err
	}
	size := int64(set.Len())
	if count = min(count, size); count == 0 {
		w.Set(0)
		return nil
	}
	w.Set(int(count))
	if count == size {
		set.Each(func(m []byte) bool { w.Bulk(m); return true })
		c.DB.Delete(key)
		c.Replicate(wordDel, key)
	} else {
		c.DB.SetPop(key, c.Rand, int(count), func(m []byte) {
			w.Bulk(m)
			c.Replicate(wordSRem, key, m)
		})
	}
	c.Dirty += int(count)
	c.tookMembers("spop", key, count == size)
	return nil
}

// maxRepeats is how many members, with repetitions, one SRANDMEMBER may ask for: Redis sets no limit, and runs out of
// memory.
const maxRepeats = 1 << 24

func sRandMember(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 3 {
		return ErrSyntax
	}
	if len(args) == 3 {
		return sRandMemberCount(c, args, w)
	}
	set, found, err := c.setForRead(args[1])
	switch {
	case err != nil:
		return err
	case found:
		w.Bulk(set.Random(c.Rand, nil))
	default:
		w.Null()
	}
	return nil
}

func sRandMemberCount(c *Context, args [][]byte, w *resp.Writer) error {
	count, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if count == math.MinInt64 {
		return resp.Error(fmt.Sprintf("ERR value is out of range, value must between %d and %d", -math.MaxInt64,
			math.MaxInt64))
	}
	set, found, err := c.setForRead(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Array(0)
		return nil
	}
	if count >= 0 {
		count = min(count, int64(set.Len()))
		w.Array(int(count))
		set.Sample(c.Rand, int(count), w.Bulk)
		return nil
	}
	if -count > maxRepeats {
		return resp.Error("ERR value is out of range")
	}
	w.Array(int(-count))
	scratch := make([]byte, 0, 20)
	for range -count {
		w.Bulk(set.Random(c.Rand, scratch))
	}
	return nil
}
