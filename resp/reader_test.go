package resp

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReader(t *testing.T) {
	for _, test := range []struct{ wire, kind, want string }{
		{"+OK\r\n", "+", "OK"}, {"-ERR no\r\n", "-", "ERR no"}, {":-5\r\n", ":", "-5"},
		{"$3\r\na\r\n\r\n", "$", "a\r\n"},
		{"$0\r\n\r\n", "$", ""}, {"*2\r\n:1\r\n$1\r\nx\r\n", "*", "[1 x]"}, {"%1\r\n+k\r\n:1\r\n", "%", "[k 1]"},
		{"~1\r\n#t\r\n", "~", "[true]"}, {",1.5\r\n", ",", "1.5"}, {",nan\r\n", ",", "nan"}, {"(123\r\n", "(", "123"},
		{"=6\r\ntxt:hi\r\n", "=", "hi"}, {">1\r\n+m\r\n", ">", "[m]"}, {"|1\r\n+k\r\n:1\r\n:7\r\n", ":", "7"},
		{"*0\r\n", "*", "[]"}, {"+" + strings.Repeat("x", 20_000) + "\r\n", "+", strings.Repeat("x", 20_000)},
		{"$2000000\r\n" + strings.Repeat("y", 2_000_000) + "\r\n", "$", strings.Repeat("y", 2_000_000)},
	} {
		r := NewReader(iotest.HalfReader(strings.NewReader(test.wire + "+next\r\n")))
		v, err := r.ReadValue()
		if err != nil || v.String() != test.want || string(v.Kind) != test.kind || v.Null {
			t.Errorf("%.40q: %.40q of kind %c, %v", test.wire, v, v.Kind, err)
		}
		if v, err = r.ReadValue(); err != nil || v.String() != "next" {
			t.Errorf("%.40q: next is %q, %v", test.wire, v, err)
		}
		if _, err = r.ReadValue(); err != io.EOF {
			t.Errorf("end: %v", err)
		}
		if _, err = NewReader(strings.NewReader(test.wire[:len(test.wire)-1])).ReadValue(); err != io.ErrUnexpectedEOF {
			t.Errorf("%.40q cut short: %v", test.wire, err)
		}
	}
	for _, wire := range []string{"$-1\r\n", "*-1\r\n", "_\r\n"} {
		if v, err := NewReader(strings.NewReader(wire)).ReadValue(); err != nil || !v.Null {
			t.Errorf("%q: %v, %v", wire, v, err)
		}
	}
	for _, wire := range []string{
		"\r\n", "x\r\n", ":a\r\n", "$x\r\n", "$-2\r\n", "%-1\r\n", "#x\r\n", "_x\r\n", ",x\r\n", "+a\n", "$1\r\nabc",
		"=1\r\na\r\n", "*999999999999\r\n", strings.Repeat("*1\r\n", 100), "+" + strings.Repeat("x", 70_000),
	} {
		_, err := NewReader(strings.NewReader(wire)).ReadValue()
		if _, ok := err.(ProtocolError); !ok {
			t.Errorf("%.40q: %v", wire, err)
		}
	}
}

// FuzzReader: values do not depend on the pieces that they arrive in, and what is not there yet costs no memory to
// speak of.
func FuzzReader(f *testing.F) {
	f.Add([]byte("*2\r\n%1\r\n+k\r\n,1.5\r\n|1\r\n+a\r\n_\r\n$3\r\nabc\r\n"))
	f.Add([]byte("$536870911\r\nabc"))
	f.Add([]byte("*1048575\r\n*1048575\r\n*1048575\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		whole, pieces := NewReader(bytes.NewReader(wire)), NewReader(iotest.OneByteReader(bytes.NewReader(wire)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for {
			v, err := whole.ReadValue()
			w, err2 := pieces.ReadValue()
			if fmt.Sprint(err) != fmt.Sprint(err2) || fmt.Sprintf("%#v", v) != fmt.Sprintf("%#v", w) {
				t.Fatalf("%v %v in one piece, %v %v byte by byte", v, err, w, err2)
			}
			if err != nil {
				break
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20+1000*uint64(len(wire)) {
			t.Fatalf("%d bytes of memory for %d that arrived", used, len(wire))
		}
	})
}
