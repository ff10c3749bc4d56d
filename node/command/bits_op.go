package command

import (
	"encoding/binary"

	"holdfast/node/store"
	"holdfast/resp"
)

func bitOp(c *Context, args [][]byte, w *resp.Writer) error {
	var combine func(a, b uint64) uint64
	not := false
	switch op := args[1]; {
	case isWord(op, "and"):
		combine = func(a, b uint64) uint64 { return a & b }
	case isWord(op, "or"):
		combine = func(a, b uint64) uint64 { return a | b }
	case isWord(op, "xor"):
		combine = func(a, b uint64) uint64 { return a ^ b }
	case isWord(op, "not"):
		not = true
	default:
		return ErrSyntax
	}
	if not && len(args) != 4 {
		return resp.Error("ERR BITOP NOT must be called with a single source key.")
	}
	sources, err := c.ReadAll(args[3:], store.TypeString)
	if err != nil {
		return err
	}
	size := 0
	for _, it := range sources {
		size = max(size, len(it.Bytes()))
	}
	result := make([]byte, size)
	copy(result, sources[0].Bytes())
	if not {
		invert(result)
	}
	for _, it := range sources[1:] {
		combineBits(result, it.Bytes(), combine)
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

// combineBits puts another string, which ends in zeroes for as long as it takes, into dst.
func combineBits(dst, src []byte, combine func(a, b uint64) uint64) {
	at := 0
	for ; at+8 <= len(src); at += 8 {
		a, b := binary.LittleEndian.Uint64(dst[at:]), binary.LittleEndian.Uint64(src[at:])
		binary.LittleEndian.PutUint64(dst[at:], combine(a, b))
	}
	for ; at < len(dst); at++ {
		var b byte
		if at < len(src) {
			b = src[at]
		}
		dst[at] = byte(combine(uint64(dst[at]), uint64(b)))
	}
}
