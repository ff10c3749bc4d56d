package newer

import (
	"bytes"
	"encoding/json"
	"testing"
)

type inner struct {
	Level Level `json:"level"`
}

type Level int

type outer struct {
	*inner
	Parts []inner           `json:"parts"`
	Named map[string]*inner `json:"named"`
}

// failures counts what a test would have failed for.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }

// TestReads: who refuses what it does not know, or takes levels for its own, is found out.
func TestReads(t *testing.T) {
	strict := func(text []byte) (v outer, err error) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		return v, d.Decode(&v)
	}
	capped := func(text []byte) (v outer, err error) {
		err = json.Unmarshal(text, &v)
		v.Parts[0].Level = min(v.Parts[0].Level, 2)
		return v, err
	}
	for what, read := range map[string]func([]byte) (outer, error){"strict": strict, "capped": capped} {
		f := &failures{TB: t}
		if Reads(f, read); f.n != 1 {
			t.Errorf("%s: %d failures", what, f.n)
		}
	}
	Reads(t, func(text []byte) (v outer, err error) { return v, json.Unmarshal(text, &v) })
}
