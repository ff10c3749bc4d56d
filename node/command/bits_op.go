package command

import (
	"crypto/subtle"
	"encoding/binary"

	"holdfast/internal/bulk"
	"holdfast/node/store"
	"holdfast/resp"
)

func bitOp(c *Context, args [][]byte, w *resp.Writer) error {
	var combine func(dst, src []byte)
	not := false
	switch op := args[1]; {
	case isWord(op, "and"):
		combine = andBits
	case isWord(op, "or"):
		combine = orBits
	case isWord(op, "xor"):
		combine = xorBits
	case isWord(op, "not"):
		not = true
	default:
		return ErrSyntax
	}
	if not && len(args) != 4 {
		return resp.Error("ERR BITOP NOT must be called with a single source key.")
	}
	var sources [][]byte
	err := c.readEach(args[3:], func() { sources = make([][]byte, len(args)-3) },
		func(i int, it *store.Item, found bool) error {
			sources[i] = it.Bytes()
			return mustBe(it, found, store.TypeString)
		})
	if err != nil {
		return err
	}
	size := 0
	for _, s := range sources {
		size = max(size, len(s))
	}
	result := make([]byte, size)
	bulk.Copy(result, sources[0])
	if not {
		invert(result)
	}
	for _, s := range sources[1:] {
		combine(result, s)
	}
	c.storeBits(args[2], result)
	w.Int(int64(size))
	return nil
}

// storeBits makes a result the value of a key; an empty one deletes it.
func (c *Context) storeBits(key, result []byte) {
	if len(result) == 0 {
		c.storeNothing(key)
		return
	}
	_, found := c.Find(key)
	c.put(key, result, store.EncRaw, store.NoExpiry, found)
	c.Notify(NotifyString, "set", key)
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// andBits puts another string, which ends in zeroes for as long as it takes, into dst.
func andBits(dst, src []byte) {
	at := 0
	for ; at+8 <= len(src); at += 8 {
		d := dst[at : at+8]
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)&binary.LittleEndian.Uint64(src[at:]))
	}
	for ; at < len(src); at++ {
		dst[at] &= src[at]
	}
	clear(dst[at:])
}

func orBits(dst, src []byte) {
	at := 0
	for ; at+8 <= len(src); at += 8 {
		d := dst[at : at+8]
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)|binary.LittleEndian.Uint64(src[at:]))
	}
	for ; at < len(src); at++ {
		dst[at] |= src[at]
	}
}

func xorBits(dst, src []byte) { subtle.XORBytes(dst, dst[:len(src)], src) }
