package dump

import (
	"reflect"
	"testing"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// TestEveryTypeHasAForm: each type of value fills all of its form, and whatever a Reader hands out belongs to one.
func TestEveryTypeHasAForm(t *testing.T) {
	if len(forms) != len(store.Types()) {
		t.Errorf("%d forms for %d types", len(forms), len(store.Types()))
	}
	codes := map[byte]bool{}
	for typ, f := range forms {
		v := reflect.ValueOf(f)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s has no %s", store.Type(typ), v.Type().Field(i).Name)
			}
		}
		for _, code := range f.codes {
			if codes[code] {
				t.Errorf("two forms have the type %d of entries", code)
			}
			codes[code] = true
		}
	}
	for _, code := range rdb.Types() {
		if !codes[code] {
			t.Errorf("no form has the type %d of entries", code)
		}
	}
}
