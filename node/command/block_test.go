package command

import (
	"testing"
	"time"

	"holdfast/resp"
)

func TestParseTimeout(t *testing.T) {
	for arg, want := range map[string]time.Duration{
		"0": 0, "-0": 0, "1": time.Second, "0.1": 100 * time.Millisecond, "0.0001": time.Millisecond, "-0.0001": 0,
		"1e3": 1000 * time.Second, "0x10": 16 * time.Second, "9e15": 0,
	} {
		if got, err := parseTimeout([]byte(arg)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", arg, got, err, want)
		}
	}
	for arg, want := range map[string]resp.Error{
		"": errTimeoutNotFloat, "x": errTimeoutNotFloat, " 1": errTimeoutNotFloat, "nan": errTimeoutNotFloat,
		"-1": ErrTimeoutNegative, "inf": ErrTimeoutNegative, "-inf": ErrTimeoutNegative, "1e16": ErrTimeoutNegative,
		"0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF": ErrTimeoutNegative,
	} {
		if got, err := parseTimeout([]byte(arg)); err != want {
			t.Errorf("%s: %v, %v; want %v", arg, got, err, want)
		}
	}
}
