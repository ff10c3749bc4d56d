package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// value is a setting's state: the text that CONFIG GET prints, and what hot
// paths want to have ready. It is never changed once it is in a snapshot.
type value struct {
	text   string
	file   string // how a file has to say it, where the text, which is Redis's, says less; empty: like the text
	num    int64  // of numbers; 1 for yes; negative percent; the place of an enum's word
	parsed any    // of List and Special: []string, []SavePoint, outputLimits, …
}

// written is how a file says the value.
func (v value) written() string {
	if v.file != "" {
		return v.file
	}
	return v.text
}

// parse makes a value of a directive's arguments. old is the value before:
// some directives change only a part of theirs.
func (d *Directive) parse(old value, args []string) (value, error) {
	if d.apply != nil {
		return d.apply(old, args)
	}
	if d.Kind == Enum {
		return d.parseEnum(args)
	}
	if len(args) != 1 {
		return value{}, errArgCount
	}
	switch d.Kind {
	case Bool:
		return parseBool(args[0])
	case String:
		if d.check != nil {
			if err := d.check(args[0]); err != nil {
				return value{}, err
			}
		}
		return value{text: args[0]}, nil
	default:
		return d.parseNumber(args[0])
	}
}

var (
	errArgCount = errors.New("wrong number of arguments")
	errNotYesNo = errors.New("argument must be 'yes' or 'no'")
)

func parseBool(s string) (value, error) {
	switch {
	case strings.EqualFold(s, "yes"):
		return value{text: "yes", num: 1}, nil
	case strings.EqualFold(s, "no"):
		return value{text: "no"}, nil
	}
	return value{}, errNotYesNo
}

// parseEnum reads one word, or for Multi a set of words where the first of
// Values stands for the empty set. A word "relative=yes" is a second spelling.
func (d *Directive) parseEnum(args []string) (value, error) {
	chosen := make([]bool, len(d.Values))
	ok := len(args) == 1 || d.Is(Multi) && len(args) > 0
	last := 0
	for _, a := range args {
		at := d.enumPlace(a)
		if at < 0 {
			ok = false
			break
		}
		chosen[at], last = true, at
	}
	if !ok {
		return value{}, d.enumError()
	}
	if !d.Is(Multi) {
		return value{text: d.Values[last], num: int64(last)}, nil
	}
	var words []string
	bits := int64(0)
	for i := 1; i < len(chosen); i++ {
		if chosen[i] {
			words = append(words, d.Values[i])
			bits |= 1 << i
		}
	}
	text := d.Values[0]
	if len(words) > 0 {
		text = strings.Join(words, " ")
	}
	if d.check != nil {
		if err := d.check(text); err != nil {
			return value{}, err
		}
	}
	return value{text: text, num: bits}, nil
}

func (d *Directive) enumPlace(word string) int {
	for i, v := range d.Values {
		spelling, meaning, other := strings.Cut(v, "=")
		if !strings.EqualFold(word, spelling) {
			continue
		}
		if other {
			return d.enumPlace(meaning)
		}
		return i
	}
	return -1
}

func (d *Directive) enumError() error {
	words := make([]string, len(d.Values))
	for i, v := range d.Values {
		words[i], _, _ = strings.Cut(v, "=")
	}
	return errors.New("argument(s) must be one of the following: " + strings.Join(words, ", "))
}

func (d *Directive) parseNumber(s string) (value, error) {
	n, err := d.number(s)
	if err != nil {
		return value{}, err
	}
	if err := d.bounds(n); err != nil {
		return value{}, err
	}
	if d.Name == "hz" {
		n = min(max(n, minHz), maxHz) // out of range is taken as a wish, not as a mistake
	}
	return value{text: d.format(n), num: n}, nil
}

const (
	minHz = 1
	maxHz = 500
)

func (d *Directive) number(s string) (int64, error) {
	switch d.Kind {
	case Memory, MemoryPercent:
		if n, ok := ParseMemory(s); ok {
			return int64(n), nil
		}
		if d.Kind == Memory {
			return 0, errors.New("argument must be a memory value")
		}
		if digits, found := strings.CutSuffix(s, "%"); found {
			if n, ok := parseInt(digits); ok && n >= 0 {
				return -n, nil
			}
		}
		return 0, errors.New("argument must be a memory or percent value")
	case Octal:
		n, err := strconv.ParseInt(s, 8, 64)
		if err != nil {
			return 0, errors.New("argument couldn't be parsed as an octal number")
		}
		return n, nil
	default:
		n, ok := parseInt(s)
		if !ok {
			return 0, errors.New("argument couldn't be parsed into an integer")
		}
		return n, nil
	}
}

func (d *Directive) bounds(n int64) error {
	switch {
	case d.Is(Unsigned):
		lo, hi := uint64(d.Min), uint64(d.Max)
		if u := uint64(n); u >= lo && u <= hi {
			return nil
		}
		if d.Kind == Octal {
			return fmt.Errorf("argument must be between %o and %o inclusive", lo, hi)
		}
		return fmt.Errorf("argument must be between %d and %d inclusive", lo, hi)
	case d.Kind == MemoryPercent && n < 0:
		if n < d.Min {
			return fmt.Errorf("percentage argument must be less or equal to %d", -d.Min)
		}
	case n < d.Min || n > d.Max:
		return fmt.Errorf("argument must be between %d and %d inclusive", d.Min, d.Max)
	}
	return nil
}

func (d *Directive) format(n int64) string {
	switch {
	case d.Kind == MemoryPercent && n < 0:
		return strconv.FormatInt(-n, 10) + "%"
	case d.Kind == Memory, d.Kind == MemoryPercent:
		return strconv.FormatUint(uint64(n), 10)
	case d.Kind == Octal:
		return strconv.FormatInt(n, 8)
	}
	return strconv.FormatInt(n, 10)
}

// parseInt reads a decimal integer in its one canonical spelling.
func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

const maxMemoryDigits = 127 // more are refused, as Redis does

var memoryUnits = map[string]uint64{
	"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000 * 1000, "mb": 1 << 20, "g": 1000 * 1000 * 1000, "gb": 1 << 30,
}

// ParseMemory reads a number of bytes with a unit. As in Redis, no digits are
// zero, too many are the greatest number, and a product wraps around.
func ParseMemory(s string) (uint64, bool) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	unit, ok := memoryUnits[strings.ToLower(s[end:])]
	if !ok || end > maxMemoryDigits {
		return 0, false
	}
	n := uint64(0)
	if end > 0 {
		var err error
		if n, err = strconv.ParseUint(s[:end], 10, 64); err != nil {
			n = math.MaxUint64
		}
	}
	return n * unit, true
}

// parseLoose reads an integer as C's strtoll does when the whole of s must be
// consumed: blanks and a sign in front, and nothing at all is zero.
func parseLoose(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(strings.TrimLeft(s, " \t\n\v\f\r"), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, true
	}
	return n, err == nil
}
