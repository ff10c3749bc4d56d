package newer

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Reads has decode read a T in which all fields are set, levels to one of a far later version, and every struct has a
// field more.
func Reads[T any](t testing.TB, decode func(text []byte) (T, error)) {
	t.Helper()
	var v T
	fill(reflect.ValueOf(&v).Elem())
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	add(reflect.ValueOf(v), tree)
	later, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(later)
	if err != nil {
		t.Errorf("%T of a later version: %v\n%s", v, err, later)
		return
	}
	if again, err := json.Marshal(got); err != nil || !bytes.Equal(again, text) {
		t.Errorf("%T of a later version is read as\n%s, %v, and says\n%s", v, again, err, later)
	}
}

const (
	laterLevel = 99
	laterField = "a later version's"
)

// fill sets all that v is made of.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(elem)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
		if v.Type().Name() == "Level" {
			v.SetInt(laterLevel)
		}
	case reflect.Uint, reflect.Uint64:
		v.SetUint(1)
	}
}

// add gives every struct in v a field more, in the tree that was made of it.
func add(v reflect.Value, tree any) {
	switch v.Kind() {
	case reflect.Pointer:
		add(v.Elem(), tree)
	case reflect.Struct:
		object := tree.(map[string]any)
		object[laterField] = map[string]any{"x": []int{1}}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Anonymous {
				add(v.Field(i), tree)
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if part, there := object[name]; there {
				add(v.Field(i), part)
			}
		}
	case reflect.Slice:
		add(v.Index(0), tree.([]any)[0])
	case reflect.Map:
		for _, part := range tree.(map[string]any) {
			add(v.MapIndex(v.MapKeys()[0]), part)
		}
	}
}
