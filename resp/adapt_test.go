package resp

import (
	"reflect"
	"testing"
)

// TestAdaptKeepsAllOfARow: a field that is added to the rows must be carried over too.
func TestAdaptKeepsAllOfARow(t *testing.T) {
	var row Command[int]
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case !f.CanSet():
		case f.Kind() == reflect.String:
			f.SetString("x")
		case f.CanInt():
			f.SetInt(7)
		case f.CanUint():
			f.SetUint(7)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		}
	}
	row.Run = func(n int, _ [][]byte, w *Writer) error { w.Int(int64(n)); return nil }
	row.Sub[0].Name, row.Sub[0].Run = "sub", row.Run
	got := Adapt([]Command[int]{row}, func(s string) int { return len(s) })[0]
	g := reflect.ValueOf(got)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name == "Run" || name == "Sub" || !v.Type().Field(i).IsExported() {
			continue
		}
		if !reflect.DeepEqual(g.Field(i).Interface(), v.Field(i).Interface()) {
			t.Errorf("%s is not carried over", name)
		}
	}
	for _, r := range []Command[string]{got, got.Sub[0]} {
		var w Writer
		if err := r.Run("four", nil, &w); err != nil || string(w.Buf) != ":4\r\n" {
			t.Errorf("%s answers %q, %v", r.Name, w.Buf, err)
		}
	}
}

func TestFlagged(t *testing.T) {
	rows := []Command[int]{
		{Name: "a", Flags: Sentinel, Sub: []Command[int]{{Name: "b"}, {Name: "c", Flags: Sentinel | Fast}}},
		{Name: "d", Flags: Fast},
	}
	got := Flagged(rows, Sentinel)
	if len(got) != 1 || len(got[0].Sub) != 1 || got[0].Sub[0].Name != "c" || len(rows[0].Sub) != 2 {
		t.Errorf("kept %+v of %+v", got, rows)
	}
}
