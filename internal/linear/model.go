package linear

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// model is one key by itself; a state is its value as text, empty when there is none.
var model = porcupine.Model{
	Init: func() any { return "" },
	Hash: func(state any) uint64 { return maphash.String(hashSeed, state.(string)) },
	Step: func(state, input, output any) (bool, any) {
		was, o, told := state.(string), input.(Operation), output.(Outcome)
		now, answer := o.apply(was)
		return told.Unknown || told.Value == answer, now
	},
}

var hashSeed = maphash.MakeSeed()

// apply is what Redis does.
func (o Operation) apply(was string) (now, answer string) {
	elems := strings.FieldsFunc(was, func(r rune) bool { return r == ' ' })
	switch o.What {
	case "GET":
		return was, orNull(was)
	case "SET":
		return o.Arg, "OK"
	case "DEL":
		if was == "" {
			return "", Null
		}
		return "", "OK"
	case "CLEAR":
		return "", "OK"
	case "GETSET":
		return o.Arg, orNull(was)
	case "INCR":
		n, _ := strconv.Atoi(was)
		now = strconv.Itoa(n + 1)
		return now, now
	case "RPUSH":
		elems = append(elems, o.Arg)
		return strings.Join(elems, " "), strconv.Itoa(len(elems))
	case "LPOP":
		if len(elems) == 0 {
			return "", Null
		}
		return strings.Join(elems[1:], " "), elems[0]
	case "LRANGE", "SMEMBERS":
		return was, was
	case "SADD", "SREM":
		i, in := slices.BinarySearch(elems, o.Arg)
		switch {
		case in == (o.What == "SADD"):
			return was, "0"
		case in:
			elems = slices.Delete(elems, i, i+1)
		default:
			elems = slices.Insert(elems, i, o.Arg)
		}
		return strings.Join(elems, " "), "1"
	case "transfer":
		delta, _ := strconv.Atoi(o.Arg)
		a, b := balances(was)
		now = strconv.Itoa(a-delta) + " " + strconv.Itoa(b+delta)
		return now, now
	case "balance":
		a, b := balances(was)
		return was, strconv.Itoa(a) + " " + strconv.Itoa(b)
	}
	panic("an operation without a meaning: " + o.What)
}

func balances(state string) (a, b int) {
	x, y, _ := strings.Cut(state, " ")
	a, _ = strconv.Atoi(x)
	b, _ = strconv.Atoi(y)
	return a, b
}

func orNull(value string) string {
	if value == "" {
		return Null
	}
	return value
}
