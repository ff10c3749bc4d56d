package store

import (
	"reflect"
	"testing"
)

// TestEveryTypeIsWhole: each type of value says all that the store asks of one.
func TestEveryTypeIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, typ := range Types() {
		k := reflect.ValueOf(kinds[typ])
		for i := range k.NumField() {
			if k.Field(i).IsZero() {
				t.Errorf("type %d has no %s", typ, k.Type().Field(i).Name)
			}
		}
		if names[typ.String()] {
			t.Errorf("two types are called %s", typ)
		}
		names[typ.String()] = true
	}
}
