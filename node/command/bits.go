package command

import (
	"math"

	"holdfast/resp"
)

// bitRows are the commands on the bits of strings. Bit 0 is the highest one of the first byte.
var bitRows = []Command{
	{
		Name: "bitcount", Arity: -2, Flags: resp.ReadOnly, Categories: resp.CatBitmap,
		Keys: oneKey(resp.RO | resp.Access), Group: "bitmap", Since: "2.6.0", Complexity: "O(N)",
		Summary: "Counts the bits that are set in a string, or in a part of it.",
		Syntax:  "key index=[start:integer end:integer index_unit=[BYTE|BIT]@7.0.0]",
		History: [][2]string{{"7.0.0", "`BYTE` and `BIT`."}}, Run: bitCount,
	},
	{
		Name: "bitfield", Arity: -2, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatBitmap,
		Keys: []resp.KeySpec{{
			First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Update | resp.VariableFlags,
			FlagsOf: bitFieldKeyFlags,
			Notes:   "This command allows both access and modification of the key",
		}},
		Group: "bitmap", Since: "3.2.0", Complexity: "O(1) for each operation",
		Summary: "Reads, sets and counts up integers of any width within a string.",
		Syntax: "key operation=[GET encoding_offset=(encoding offset)|write=([OVERFLOW " +
			"wrap_sat_fail=(WRAP|SAT|FAIL)] " +
			"write_operation=(SET encoding_offset_value=(encoding offset value:integer)|" +
			"INCRBY encoding_offset_increment=(encoding offset increment)))]...",
		Run: bitField,
	},
	{
		Name: "bitfield_ro", Arity: -2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatBitmap,
		Keys: oneKey(resp.RO | resp.Access), Group: "bitmap", Since: "6.0.0", Complexity: "O(1) for each operation",
		Summary: "Reads integers of any width from a string.",
		Syntax:  "key [GET encoding_offset=(encoding offset)]...", Run: bitField,
	},
	{
		Name: "bitop", Arity: -4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatBitmap,
		Keys: []resp.KeySpec{
			{First: 2, Last: 2, Flags: resp.OW | resp.Update},
			{First: 3, Last: -1, Flags: resp.RO | resp.Access},
		},
		Group: "bitmap", Since: "2.6.0", Complexity: "O(N)", Summary: "Combines strings bit by bit into another one.",
		Syntax: "operation destkey key...", Run: bitOp,
	},
	{
		Name: "bitpos", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatBitmap,
		Keys: oneKey(resp.RO | resp.Access), Group: "bitmap", Since: "2.8.7", Complexity: "O(N)",
		Summary: "Finds the first bit of a string, or of a part of it, that is set or clear.",
		Syntax:  "key bit:integer index=[start:integer end_index=[end:integer index_unit=[BYTE|BIT]@7.0.0]]",
		History: [][2]string{{"7.0.0", "`BYTE` and `BIT`."}}, Run: bitPos,
	},
	{
		Name: "getbit", Arity: 3, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatBitmap,
		Keys: oneKey(resp.RO | resp.Access), Group: "bitmap", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Answers one bit of a string.", Syntax: "key offset", Run: getBit,
	},
	{
		Name: "setbit", Arity: 4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatBitmap,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "bitmap", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Sets or clears one bit of a string, which is filled up with zero bytes when it is too short.",
		Syntax:  "key offset value:integer", Run: setBit,
	},
}

// bitOffset reads the offset of a bit, which must lie in a string of allowed length; what a predecessor has accepted is
// accepted here as well. With a width, "#n" is the n-th field of that width.
func (c *Context) bitOffset(arg []byte, width int) (int64, error) {
	factor := int64(1)
	if width > 0 && len(arg) > 0 && arg[0] == '#' {
		arg, factor = arg[1:], int64(width)
	}
	offset, ok := resp.ParseInt(arg)
	if !ok || offset < 0 || offset > math.MaxInt64/factor || !c.Apply &&
		offset*factor>>3 >= c.Config.ProtoMaxBulkLen() {
		return 0, resp.Error("ERR bit offset is not an integer or out of range")
	}
	return offset * factor, nil
}

// bitString is a string whose bits are about to be written.
type bitString struct {
	val   []byte
	found bool // the key was there
	grew  bool // it is longer than it was
}

// growForBits is the string at key, made long enough for size bytes. If bits change, or it grew, it must be Touched.
func (c *Context) growForBits(key []byte, size int64) (bitString, error) {
	it, found, err := c.StringForWrite(key)
	if err != nil {
		return bitString{}, err
	}
	old := int64(len(it.Bytes()))
	return bitString{c.DB.Grow(key, int(max(size, old))), found, size > old}, nil
}

func setBit(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	offset, err := c.bitOffset(args[2], 0)
	if err != nil {
		return err
	}
	bit, ok := resp.ParseInt(args[3])
	if !ok || bit&^1 != 0 {
		return resp.Error("ERR bit is not an integer or out of range")
	}
	s, err := c.growForBits(key, offset>>3+1)
	if err != nil {
		return err
	}
	at, shift := offset>>3, 7-offset&7
	old := int64(s.val[at]>>shift) & 1
	if s.grew || old != bit {
		s.val[at] = s.val[at]&^(1<<shift) | byte(bit<<shift)
		c.DB.Touched(key)
		c.Dirty++
		c.created(key, s.found)
		c.Notify(NotifyString, "setbit", key)
	}
	w.Int(old)
	return nil
}

func getBit(c *Context, args [][]byte, w *resp.Writer) error {
	offset, err := c.bitOffset(args[2], 0)
	if err != nil {
		return err
	}
	it, _, err := c.StringForRead(args[1])
	if err != nil {
		return err
	}
	var bit int64
	if val := it.Bytes(); offset>>3 < int64(len(val)) {
		bit = int64(val[offset>>3]>>(7-offset&7)) & 1
	}
	w.Int(bit)
	return nil
}
