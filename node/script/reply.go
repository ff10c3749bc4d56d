package script

import (
	"math"
	"strings"

	"holdfast/lua"
	"holdfast/resp"
)

// replyWriter writes a value of Lua as a reply.
type replyWriter struct {
	l     *lua.State
	w     *resp.Writer
	proto int // that the script chose
	out   *Outcome
	start int   // where in w it begins
	most  int64 // how long it may get
}

// errLongReply ends a reply that takes more than all of a script's values may: a table may stand in many places.
const errLongReply = "ERR the reply takes more than lua-memory-limit"

// tooLong reports that the reply will not do.
func (r *replyWriter) tooLong() bool { return int64(r.w.Len()-r.start) > r.most }

// maxNesting is how deep tables may stand within tables.
const maxNesting = 7994

var lineEnds = strings.NewReplacer("\r", " ", "\n", " ")

func (r *replyWriter) value(v lua.Value, depth int) {
	if r.tooLong() {
		return
	}
	if depth > maxNesting {
		r.error("ERR reached lua stack limit", false)
		return
	}
	switch v.Type() {
	case lua.TypeString:
		r.w.Bulk(v.AsBytes())
	case lua.TypeNumber:
		r.w.Int(toInt64(v.AsNumber()))
	case lua.TypeBoolean:
		switch {
		case r.proto == 3:
			r.w.Bool(v.Truthy())
		case v.Truthy():
			r.w.Int(1)
		default:
			r.w.Null()
		}
	case lua.TypeTable:
		r.table(v.AsTable(), depth)
	default:
		r.w.Null()
	}
}

// toInt64 cuts a number off as C does on common machines.
func toInt64(f float64) int64 {
	if f >= -0x1p63 && f < 0x1p63 {
		return int64(f)
	}
	return math.MinInt64
}

func (r *replyWriter) error(text string, counted bool) {
	r.w.Error(resp.Error(text))
	r.out.fail(text, counted)
}

// table writes a table: what it is says the first of these fields that it has.
func (r *replyWriter) table(t *lua.Table, depth int) {
	if v := t.GetString("err"); v.IsString() {
		text := strings.Clone(strings.TrimRight(cText(v.AsString()), "\r\n"))
		counted := t.GetString("ignore_error_stats_update")
		r.error(text, counted.Type() == lua.TypeBoolean && counted.Truthy())
		return
	}
	if v := t.GetString("ok"); v.IsString() {
		r.w.Simple(oneLine(cText(v.AsString())))
		return
	}
	if v := t.GetString("double"); v.IsNumber() {
		r.double(v.AsNumber())
		return
	}
	if v := t.GetString("big_number"); v.IsString() {
		r.w.BigNumber(oneLine(v.AsString()))
		return
	}
	if v := t.GetString("verbatim_string").AsTable(); v != nil {
		format, text := v.GetString("format"), v.GetString("string")
		if format.IsString() && text.IsString() {
			f := cText(format.AsString()) + "   "
			r.w.Verbatim(f[:3], text.AsString())
			return
		}
	}
	if v := t.GetString("map").AsTable(); v != nil {
		r.w.Map(count(v))
		for at := 0; ; {
			key, item, next, ok := v.At(at)
			if !ok {
				return
			}
			r.value(key, depth+4)
			r.value(item, depth+3)
			at = next
		}
	}
	if v := t.GetString("set").AsTable(); v != nil {
		r.w.Set(count(v))
		for at := 0; ; {
			key, _, next, ok := v.At(at)
			if !ok {
				return
			}
			r.value(key, depth+3)
			at = next
		}
	}
	n := 0
	for !t.GetInt(n + 1).IsNil() {
		n++
	}
	r.w.Array(n)
	for i := range n {
		r.value(t.GetInt(i+1), depth+1)
	}
}

// double writes a number: what is none as C prints it, with its sign.
func (r *replyWriter) double(f float64) {
	if f == f {
		r.w.Double(f)
		return
	}
	text := lua.AppendNumber(nil, f, 17)
	if r.w.Proto != 3 {
		r.w.Bulk(text)
		return
	}
	r.w.Raw([]byte("," + string(text) + "\r\n"))
}

func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n") {
		return lineEnds.Replace(s)
	}
	return s
}

// count is how many keys a table has.
func count(t *lua.Table) (n int) {
	for at := 0; ; n++ {
		_, _, next, ok := t.At(at)
		if !ok {
			return n
		}
		at = next
	}
}
