package lua

import (
	"math"
	"unsafe"
)

// This is the only file that uses unsafe. A Value is two words: what it is, and the object that it points to.
//
// A number has its bits, inverted, in n; p means nothing then, so that storing a number over anything writes one word
// and needs no write barrier. Everything else has a small n: a kind, or for a string its length and the kind, with p
// the first byte or the object. No number that arithmetic produces has such bits: they would be NaNs with a payload,
// which Number makes plain.

// Value is any Lua value. The zero Value is nil. Values are compared by Equal, not by ==: a number may still hold on to
// what was in its place before.
type Value struct {
	p unsafe.Pointer
	n uint64
}

// The words n of what is not a number. The low four bits of a string's are kindString.
const (
	kindNil uint64 = iota
	kindFalse
	kindTrue
	kindNull
	kindTable
	kindClosure
	kindGo
	kindThread
	kindUserdata
	kindString

	kindBits  = 4
	kindMask  = 1<<kindBits - 1
	minNumber = 1 << 50 // numbers have at least this in n
	strMask   = ^uint64(minNumber-1) | kindMask
)

// Type is the type of a value as the language sees it.
type Type uint8

// The types of Lua.
const (
	TypeNil Type = iota
	TypeBoolean
	TypeNumber
	TypeString
	TypeTable
	TypeFunction
	TypeThread
	TypeUserdata
)

var typeNames = [...]string{"nil", "boolean", "number", "string", "table", "function", "thread", "userdata"}

func (t Type) String() string { return typeNames[t] }

var kindTypes = [...]Type{kindNil: TypeNil, kindFalse: TypeBoolean, kindTrue: TypeBoolean, kindNull: TypeUserdata,
	kindTable:   TypeTable,
	kindClosure: TypeFunction, kindGo: TypeFunction, kindThread: TypeThread, kindUserdata: TypeUserdata,
	kindString: TypeString, kindMask: TypeNil}

// Nil is the value nil.
var Nil = Value{}

// Null is a value that is neither nil nor false and is only equal to itself: the light userdata NULL of C.
var Null = Value{n: kindNull}

// Number makes a number.
func Number(f float64) Value {
	if f != f {
		return Value{n: ^(math.Float64bits(f)&(1<<63) | 0x7FF8000000000000)}
	}
	return Value{n: ^math.Float64bits(f)}
}

// Bool makes a boolean.
func Bool(b bool) Value {
	if b {
		return Value{n: kindTrue}
	}
	return Value{n: kindFalse}
}

// String makes a string without copying it.
func String(s string) Value {
	return Value{p: unsafe.Pointer(unsafe.StringData(s)), n: uint64(len(s))<<kindBits | kindString}
}

// Bytes makes a string of bytes without copying them. Nobody may change them as long as the string can be reached.
func Bytes(b []byte) Value {
	return Value{p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b))<<kindBits | kindString}
}

func tableValue(t *Table) Value       { return Value{p: unsafe.Pointer(t), n: kindTable} }
func closureValue(c *Closure) Value   { return Value{p: unsafe.Pointer(c), n: kindClosure} }
func goValue(f *GoFunction) Value     { return Value{p: unsafe.Pointer(f), n: kindGo} }
func threadValue(l *State) Value      { return Value{p: unsafe.Pointer(l), n: kindThread} }
func userdataValue(u *Userdata) Value { return Value{p: unsafe.Pointer(u), n: kindUserdata} }

// Type says what the value is.
func (v Value) Type() Type {
	if v.n >= minNumber {
		return TypeNumber
	}
	return kindTypes[v.n&kindMask]
}

// IsNil says whether the value is nil.
func (v Value) IsNil() bool { return v.n == kindNil }

// IsNull says whether the value is Null.
func (v Value) IsNull() bool { return v.n == kindNull }

// IsNumber says whether the value is a number; a string that reads as one is not.
func (v Value) IsNumber() bool { return v.n >= minNumber }

// IsString says whether the value is a string.
func (v Value) IsString() bool { return v.n&strMask == kindString }

// IsTable says whether the value is a table.
func (v Value) IsTable() bool { return v.n == kindTable }

// IsFunction says whether the value is a function, of Lua or of Go.
func (v Value) IsFunction() bool { return v.n == kindClosure || v.n == kindGo }

// Truthy is false for nil and false only.
func (v Value) Truthy() bool { return v.n > kindFalse }

// AsNumber is the number that v is; v must be one.
func (v Value) AsNumber() float64 { return math.Float64frombits(^v.n) }

// AsString is the string that v is; v must be one.
func (v Value) AsString() string { return unsafe.String((*byte)(v.p), int(v.n>>kindBits)) }

// AsBytes is the string that v is, which must be one; nobody may change them.
func (v Value) AsBytes() []byte { return unsafe.Slice((*byte)(v.p), int(v.n>>kindBits)) }

// AsTable is the table that v is, or nil.
func (v Value) AsTable() *Table {
	if v.n != kindTable {
		return nil
	}
	return (*Table)(v.p)
}

func (v *Value) isNum() bool             { return v.n >= minNumber }
func (v *Value) num() float64            { return math.Float64frombits(^v.n) }
func (v *Value) setNum(f float64)        { v.n = ^math.Float64bits(f) }
func (v *Value) isStr() bool             { return v.n&strMask == kindString }
func (v *Value) str() string             { return unsafe.String((*byte)(v.p), int(v.n>>kindBits)) }
func (v *Value) strLen() int             { return int(v.n >> kindBits) }
func (v *Value) tab() *Table             { return (*Table)(v.p) }
func (v *Value) closure() *Closure       { return (*Closure)(v.p) }
func (v *Value) goFunction() *GoFunction { return (*GoFunction)(v.p) }
func (v *Value) thread() *State          { return (*State)(v.p) }
func (v *Value) userdata() *Userdata     { return (*Userdata)(v.p) }

// refers says whether p matters.
func (v *Value) refers() bool { return v.n-kindTable < minNumber-kindTable }

// address is what tells one object from another.
func (v *Value) address() uintptr { return uintptr(v.p) }

// store keeps v in a slot that outlives the stack, without what a number may still point to.
func (v *Value) store(from *Value) {
	if from.refers() {
		*v = *from
		return
	}
	v.n = from.n
	if v.p != nil {
		v.p = nil
	}
}

// rawEqual compares without metamethods.
func rawEqual(a, b *Value) bool {
	switch {
	case a.n >= minNumber:
		return b.n >= minNumber && a.num() == b.num()
	case a.n != b.n:
		return false
	case a.n < kindTable:
		return true
	case a.isStr():
		return a.p == b.p || a.str() == b.str()
	}
	return a.p == b.p
}

// Equal compares two values without metamethods.
func Equal(a, b Value) bool { return rawEqual(&a, &b) }

// sizes of what states account for, in bytes.
const (
	sizeValue   = int64(unsafe.Sizeof(Value{}))
	sizeNode    = int64(unsafe.Sizeof(node{}))
	sizeTable   = int64(unsafe.Sizeof(Table{}))
	sizeClosure = int64(unsafe.Sizeof(Closure{}))
	sizeUpvalue = int64(unsafe.Sizeof(upvalue{}))
	sizeFrame   = int64(unsafe.Sizeof(frame{}))
	sizeState   = int64(unsafe.Sizeof(State{}))
	sizeString  = 16 // what a string costs besides its bytes
)
