package clibs

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"holdfast/lua"
)

// OpenStruct makes the library struct: numbers and strings as bytes, laid out as a format says.
func OpenStruct(l *lua.State) {
	l.Register("struct", map[string]lua.Function{"pack": structPack, "unpack": structUnpack, "size": structSize})
}

const (
	maxIntSize   = 32 // bytes of an integer
	defaultAlign = 8
)

// layout reads a format, one option after the other.
type layout struct {
	l      *lua.State
	format string
	big    bool
	align  int
}

func newLayout(l *lua.State) *layout {
	format := l.CheckString(1)
	if i := strings.IndexByte(format, 0); i >= 0 {
		format = format[:i]
	}
	l.Steps(len(format) >> 2)
	return &layout{l: l, format: format, align: 1}
}

func (f *layout) more() bool { return f.format != "" }

// number reads a number in the format, d when there is none.
func (f *layout) number(d int) int {
	n, i := 0, 0
	for ; i < len(f.format) && '0' <= f.format[i] && f.format[i] <= '9'; i++ {
		digit := int(f.format[i] - '0')
		if n > math.MaxInt32/10 || n*10 > math.MaxInt32-digit {
			f.l.Errorf("integral size overflow")
		}
		n = n*10 + digit
	}
	if i == 0 {
		return d
	}
	f.format = f.format[i:]
	return n
}

// next is the next option, its size, and how many bytes before it, at position at, align it.
func (f *layout) next(at int) (opt byte, size, padding int) {
	opt = f.format[0]
	f.format = f.format[1:]
	switch opt {
	case 'B', 'b', 'x':
		size = 1
	case 'H', 'h':
		size = 2
	case 'f':
		size = 4
	case 'L', 'l', 'T', 'd':
		size = 8
	case 'c':
		size = f.number(1)
	case 'i', 'I':
		size = f.number(4)
		if size > maxIntSize {
			f.l.Errorf("integral size %d is larger than limit of %d", size, maxIntSize)
		}
	}
	if size == 0 || opt == 'c' {
		return opt, size, 0
	}
	n := min(size, f.align)
	return opt, size, (n - at&(n-1)) & (n - 1)
}

// control does an option that stands for no bytes.
func (f *layout) control(opt byte) {
	switch opt {
	case ' ':
	case '>':
		f.big = true
	case '<':
		f.big = false
	case '!':
		a := f.number(defaultAlign)
		if a <= 0 || a&(a-1) != 0 {
			f.l.Errorf("alignment %d is not a power of 2", a)
		}
		f.align = a
	default:
		f.l.ArgError(1, "invalid format option '"+string([]byte{opt})+"'")
	}
}

// order turns bytes from the little end first into the format's order, or back.
func (f *layout) order(b []byte) []byte {
	if f.big {
		slices.Reverse(b)
	}
	return b
}

func structPack(l *lua.State) int {
	f := newLayout(l)
	l.PushNil() // as the C library does: a missing argument is nil
	var b []byte
	arg := 2
	charged := 0
	for f.more() {
		opt, size, padding := f.next(len(b))
		b = append(b, make([]byte, padding)...)
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			b = append(b, f.integer(l.CheckNumber(arg), size)...)
			arg++
		case 'x':
			b = append(b, 0)
		case 'f':
			bits := math.Float32bits(float32(l.CheckNumber(arg)))
			b = append(b, f.order(binary.LittleEndian.AppendUint32(nil, bits))...)
			arg++
		case 'd':
			b = append(b, f.order(binary.LittleEndian.AppendUint64(nil, math.Float64bits(l.CheckNumber(arg))))...)
			arg++
		case 'c', 's':
			s := l.CheckString(arg)
			arg++
			if size == 0 {
				size = len(s)
			}
			if len(s) < size {
				l.ArgError(arg, "string too short")
			}
			if n := len(b) + size; n > charged {
				l.Charge(2*n - charged)
				charged = 2 * n
			}
			b = append(b, s[:size]...)
			if opt == 's' {
				b = append(b, 0)
			}
		default:
			f.control(opt)
		}
		if len(b) > charged {
			l.Charge(2*len(b) - charged)
			charged = 2 * len(b)
		}
	}
	l.PushBytes(b)
	return 1
}

// integer is a number in size bytes; of more than 8, the others are 0.
func (f *layout) integer(n float64, size int) []byte {
	var u uint64
	switch {
	case n < 0 || n != n:
		u = uint64(toInt64(n))
	case n < 0x1p63:
		u = uint64(n)
	case n < 0x1p64:
		u = uint64(n-0x1p63) | 1<<63
	}
	b := binary.LittleEndian.AppendUint64(nil, u)
	for len(b) < size {
		b = append(b, 0)
	}
	return f.order(b[:size])
}

// toInt64 converts as C does on common machines.
func toInt64(f float64) int64 {
	if f >= -0x1p63 && f < 0x1p63 {
		return int64(f)
	}
	return math.MinInt64
}

// toSize converts to C's size_t, as compilers for common machines do; what doesn't fit here either is as large as can
// be.
func toSize(f float64) int {
	u := uint64(toInt64(f))
	if f >= 0x1p63 {
		u = uint64(toInt64(f-0x1p63)) ^ 1<<63
	}
	return int(min(u, math.MaxInt))
}

// readInteger reads an integer of any size.
func (f *layout) readInteger(data string, signed bool) float64 {
	b := f.order([]byte(data))
	var u uint64
	for i := len(b) - 1; i >= 0; i-- {
		u = u<<8 | uint64(b[i])
	}
	if !signed {
		return float64(u)
	}
	// As C has it, shifts by 64 or more count modulo 64.
	mask := ^uint64(0) << (uint(len(b)*8-1) & 63)
	if u&mask != 0 {
		u |= mask
	}
	return float64(int64(u))
}

func structUnpack(l *lua.State) int {
	f := newLayout(l)
	data := l.CheckString(2)
	pos := int(l.OptInteger(3, 1))
	if pos == 0 {
		l.ArgError(3, "offset must be 1 or greater")
	}
	pos--
	n := 0
	fits := func(size int) {
		if pos < 0 || size > len(data) || pos > len(data)-size {
			l.ArgError(2, "data string too short")
		}
	}
	l.SetTop(3)
	for f.more() {
		opt, size, padding := f.next(pos)
		pos += padding
		fits(size)
		l.CheckStack(2, "too many results")
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			l.PushNumber(f.readInteger(data[pos:pos+size], opt >= 'a'))
			n++
		case 'x':
		case 'f':
			bits := binary.LittleEndian.Uint32(f.order([]byte(data[pos : pos+4])))
			l.PushNumber(float64(math.Float32frombits(bits)))
			n++
		case 'd':
			bits := binary.LittleEndian.Uint64(f.order([]byte(data[pos : pos+8])))
			l.PushNumber(math.Float64frombits(bits))
			n++
		case 'c':
			if size == 0 {
				before, ok := lua.ToNumber(l.Top())
				if n == 0 || !ok {
					l.Errorf("format 'c0' needs a previous size")
				}
				size = toSize(before)
				l.Pop(1)
				n--
				fits(size)
			}
			l.Push(l.NewString(data[pos : pos+size]))
			n++
		case 's':
			end := strings.IndexByte(data[pos:], 0)
			if end < 0 {
				l.Errorf("unfinished string in data")
			}
			l.Push(l.NewString(data[pos : pos+end]))
			size = end + 1
			n++
		default:
			f.control(opt)
		}
		pos += size
	}
	l.PushNumber(float64(pos + 1))
	return n + 1
}

func structSize(l *lua.State) int {
	f := newLayout(l)
	pos := 0
	for f.more() {
		opt, size, padding := f.next(pos)
		pos += padding
		switch {
		case opt == 's':
			l.ArgError(1, "option 's' has no fixed size")
		case opt == 'c' && size == 0:
			l.ArgError(1, "option 'c0' has no fixed size")
		case !(opt|0x20 >= 'a' && opt|0x20 <= 'z' || '0' <= opt && opt <= '9'):
			f.control(opt)
		}
		pos += size
	}
	l.PushNumber(float64(pos))
	return 1
}
