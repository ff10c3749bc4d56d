package rdb

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast/node/listpack"
)

func packed(vals ...string) []byte {
	lp := listpack.New()
	for _, v := range vals {
		lp = listpack.Append(lp, []byte(v))
	}
	return lp
}

func intset(vals ...int64) []byte {
	is := listpack.IntsetNew()
	for _, v := range vals {
		is, _ = listpack.IntsetInsert(is, v)
	}
	return is
}

// randomWord is a name that is new for each i.
func randomWord(rng *rand.Rand, i int) string {
	if rng.IntN(3) == 0 {
		return fmt.Sprint(i)
	}
	return fmt.Sprint(strings.Repeat("ab", rng.IntN(1<<rng.IntN(10))), i)
}

var valueTypes = []byte{
	TypeString, TypeList, TypeSet, TypeSetIntset, TypeSetListpack, TypeZSet, TypeZSetListpack, TypeHash,
	TypeHashListpack, TypeHashFieldsTime,
}

// sampleOf makes an entry with a value of that type.
func sampleOf(rng *rand.Rand, typ byte) Entry {
	e := NewEntry(fmt.Appendf(nil, "%d:%d", typ, rng.Uint32()), []byte(randomWord(rng, 7)))
	e.Type = typ
	n := 1 + rng.IntN(1<<rng.IntN(9))
	var els []Element
	switch typ {
	case TypeString:
		return e
	case TypeSetIntset:
		e.Value = intset(rng.Int64()>>rng.IntN(64), 3, 1<<rng.IntN(60))
		return e
	case TypeSetListpack, TypeZSetListpack, TypeHashListpack:
		e.Value = listpack.New()
		for i := range n {
			switch typ {
			case TypeZSetListpack:
				e.Value = listpack.Append(e.Value, []byte(randomWord(rng, i)))
				e.Value = listpack.Append(e.Value, fmt.Append(nil, float64(i)+0.5*float64(i%2)))
			case TypeHashListpack:
				e.Value = listpack.Append(listpack.Append(e.Value, []byte(randomWord(rng, i))),
					[]byte(randomWord(rng, 1)))
			default:
				e.Value = listpack.Append(e.Value, []byte(randomWord(rng, i)))
			}
		}
		return e
	}
	for i := range n {
		el := Element{Name: []byte(randomWord(rng, i))}
		switch typ {
		case TypeList:
			el.Name, el.Packed, el.Value = nil, i%3 > 0, []byte(randomWord(rng, i))
			if el.Packed {
				el.Value = packed(randomWord(rng, 1), randomWord(rng, 2))
			}
		case TypeZSet:
			el.Score = []float64{0, 1.5, math.Inf(-1), math.MaxFloat64, rng.NormFloat64()}[rng.IntN(5)]
		case TypeHash, TypeHashFieldsTime:
			el.Value = []byte(randomWord(rng, i))
		}
		if typ == TypeHashFieldsTime && i%2 == 0 {
			el.ExpireAt = 1 + rng.Int64N(maxFieldTime)
		}
		els = append(els, el)
	}
	e.Value, e.Len, e.Elements = nil, n, slices.Values(els)
	return e
}

func TestValuesRoundTrip(t *testing.T) {
	payloads := NewPayloadWriter()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var entries []Entry
		for range 10 {
			for _, typ := range valueTypes {
				entries = append(entries, sampleOf(rng, typ))
			}
		}
		c, err := read(write(t, entries, func(w *Writer) { w.FieldTimes = true }))
		if err != nil || len(c.entries) != len(entries) {
			t.Fatalf("%d of %d entries, %v", len(c.entries), len(entries), err)
		}
		for i, e := range entries {
			if c.entries[i] != describe(e) {
				t.Fatalf("type %d\ngot  %.300s\nwant %.300s", e.Type, c.entries[i], describe(e))
			}
			p, err := payloads.Append([]byte("x"), e, seed%2 == 0)
			if err != nil || p[0] != 'x' || p[1] != e.Type {
				t.Fatal(err)
			}
			err = ReadPayload(p[1:], func(got Entry) error {
				if got.Type != e.Type || got.Len != e.Len {
					t.Errorf("type %d, %d elements, want %d, %d", got.Type, got.Len, e.Type, e.Len)
				}
				got.Key = e.Key
				if describe(got) != describe(e) {
					t.Errorf("got  %.300s\nwant %.300s", describe(got), describe(e))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestUnwantedElements: what a callback leaves is skipped.
func TestUnwantedElements(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	p := write(t, []Entry{sampleOf(rng, TypeZSet), sampleOf(rng, TypeList), NewEntry([]byte("last"), nil)})
	var last string
	err := NewReader(bytes.NewReader(p)).Read(Callbacks{Entry: func(e Entry) error {
		last = string(e.Key)
		if e.Elements != nil {
			for range e.Elements {
				break
			}
		}
		return nil
	}})
	if err != nil || last != "last" {
		t.Errorf("%q, %v", last, err)
	}
	if err := NewReader(bytes.NewReader(p)).Read(Callbacks{}); err != nil {
		t.Error(err)
	}
}

func TestWriterCountsElements(t *testing.T) {
	e := sampleOf(rand.New(rand.NewPCG(1, 5)), TypeSet)
	e.Len++
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Entry(e)
	if err := w.EOF(); err == nil {
		t.Error("accepted")
	}
	p := NewPayloadWriter()
	if _, err := p.Append(nil, e, false); err == nil {
		t.Error("accepted")
	}
	if _, err := p.Append(nil, NewEntry(nil, nil), false); err != nil {
		t.Error(err)
	}
}

// oldForms are values as older versions of Redis wrote them: type and bytes behind the key, and what they read as.
var oldForms = map[string]struct {
	typ         byte
	value, want string
}{
	"list": {typeList1, "\x02\x01a\xc0\x05", ` {"" "a" false 0 0} {"" "5" false 0 0}`},
	"zset": {typeZSet1, "\x02\x01a\x031.5\x01b\xfe", ` {"a" "" false 1.5 0} {"b" "" false +Inf 0}`},
	"absolute times": {typeHashTime1, "\x02\x00\x01a\x01b\x40\x51\x01c\x01d",
		` {"a" "b" false 0 0} {"c" "d" false 0 81}`},
	"relative times": {TypeHashFieldsTime, "\x51\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01a\x01b\x02\x01c\x01d",
		` {"a" "b" false 0 0} {"c" "d" false 0 82}`},
	"packed times": {typeHashListpackEx, "\x51\x00\x00\x00\x00\x00\x00\x00" +
		str(packed("c", "d", "82", "a", "b", "0")),
		` {"c" "d" false 0 82} {"a" "b" false 0 0}`},
	"packed times of 7.4 rc": {typeHashListpackEx1, str(packed("7", "-3", "82")), ` {"7" "-3" false 0 82}`},
	"zipmap": {typeHashZipmap, str([]byte("\x02\x02f1\x02\x00v1\x02f2\x01\x01xz\xff")),
		fmt.Sprintf("%q", packed("f1", "v1", "f2", "x"))},
	"ziplist": {typeHashZiplist,
		str(ziplist("\x02f1", "\x02v1", "\x02f2", "\xf1", "\x02f3", "\xfe\x9c", "\x02f4", "\xc0\x00\x80",
			"\xf0\x00\x00\x80", "\xd0\x00\x00\x00\x80", "\xe0\x00\x00\x00\x00\x00\x00\x00\x80", "\xfd",
			"\x40\x46"+strings.Repeat("x", 70), "\x80\x00\x00\x00\x01y")),
		fmt.Sprintf("%q", packed("f1", "v1", "f2", "0", "f3", "-100", "f4", "-32768", "-8388608", "-2147483648",
			"-9223372036854775808", "12", strings.Repeat("x", 70), "y"))},
	"zset ziplist": {typeZSetZiplist, str(ziplist("\x01a", "\xf2", "\x01b", "\x032.5")),
		fmt.Sprintf("%q", packed("a", "1", "b", "2.5"))},
	"list ziplist": {typeListZiplist, str(ziplist("\x01a", "\xf2")),
		fmt.Sprintf(` {"" %q true 0 0}`, packed("a", "1"))},
	"list ziplists": {typeListZiplists, "\x03" + str(ziplist("\x01a")) + str(ziplist()) + str(ziplist("\x01b")),
		fmt.Sprintf(` {"" %q true 0 0} {"" %q true 0 0} {"" %q true 0 0}`, packed("a"), packed(), packed("b"))},
}

// str writes a string as it is.
func str(s []byte) string {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Compress = false
	w.string(s)
	w.flush()
	return b.String()
}

// ziplist makes one of elements that have their encoding in front.
func ziplist(elements ...string) []byte {
	zl := make([]byte, zipHeader)
	before := 0
	for _, el := range elements {
		zl[4], zl[5] = byte(len(zl)), byte(len(zl)>>8)
		zl = append(zl, byte(before))
		zl = append(zl, el...)
		before = 1 + len(el)
	}
	zl = append(zl, zipEnd)
	zl[0], zl[1], zl[8] = byte(len(zl)), byte(len(zl)>>8), byte(len(elements))
	return zl
}

func TestOldForms(t *testing.T) {
	for name, old := range oldForms {
		c, err := read([]byte("REDIS0012" + string(old.typ) + "\x01k" + old.value +
			"\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
		if err != nil || len(c.entries) != 1 || !strings.Contains(c.entries[0], old.want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, c.entries, old.want)
		}
		for n := range len(old.value) {
			if _, err := read([]byte("REDIS0012" + string(old.typ) + "\x01k" + old.value[:n])); err == nil {
				t.Errorf("%s: accepted when cut at %d", name, n)
			}
		}
	}
}

// TestFilesOfOldServers reads files that come with Redis's own tests, written by servers from 2.4 to 6.2.
func TestFilesOfOldServers(t *testing.T) {
	for file, want := range map[string][]string{
		"524544495330303033fe0009046861736810020266310200763102663202007632ffff": {
			fmt.Sprintf(`"hash"=%q`, packed("f1", "v1", "f2", "v2"))},
		"524544495330303039fa0972656469732d7665720b3235352e3235352e323535fa0a72656469732d62697473c040fa056374696d65" +
			"c2c85c9660fa08757365642d6d656d" +
			"c290ad0c00fa0c616f662d707265616d626c65c000fe00fb01000d04686173681b1b0000001600000004000002663104027631" +
			"0402663204027632ffff4f9cd1fd16699883": {
			fmt.Sprintf(`"hash"=%q`, packed("f1", "v1", "f2", "v2"))},
		"524544495330303038fa0972656469732d76657205342e302e39fa0a72656469732d62697473c040fa056374696d65c29f062661fa" +
			"08757365642d6d656dc280920700fa" +
			"0c616f662d707265616d626c65c000fe00fb02000e046c697374010d0d0000000a000000010000f8ff000178c007ff3572f854" +
			"1ac4d740": {
			fmt.Sprintf(`"list"="" expire -1 idle -1 freq -1 {"" %q true 0 0}`, packed("7")), `"x"="7"`},
		"524544495330303130fa0972656469732d7665720b3235352e3235352e323535fa0a72656469732d62697473c040fa056374696d65" +
			"c262b71361fa08757365642d6d656d" +
			"c250f40c00fa0c616f662d707265616d626c65c000fe00fb01000c047a736574191900000016000000040000036f6e6505f202" +
			"0374776f05f3ffff1fb2fdf0997f9e19": {
			fmt.Sprintf(`"zset"=%q`, packed("one", "1", "two", "2"))},
	} {
		p, err := hex.DecodeString(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := read(p)
		if err != nil || len(c.entries) != len(want) {
			t.Errorf("%v: %q", err, c.entries)
			continue
		}
		for i := range want {
			if !strings.Contains(c.entries[i], want[i]) {
				t.Errorf("got  %s\nwant %s", c.entries[i], want[i])
			}
		}
	}
}

func TestRefusedValues(t *testing.T) {
	zset := func(vals ...string) string { return str(packed(vals...)) }
	for name, c := range map[string]struct {
		typ    byte
		value  string
		reason string
	}{
		"odd hash":     {TypeHashListpack, str(packed("a")), "a listpack of 1 elements, in groups of 2"},
		"field twice":  {TypeHashListpack, str(packed("a", "1", "a", "2")), `a listpack has "a" twice`},
		"member twice": {TypeSetListpack, str(packed("1", "1")), `a listpack has "1" twice`},
		"scored twice": {TypeZSetListpack, zset("a", "1", "a", "2"), `a listpack has "a" twice`},
		"no score":     {TypeZSetListpack, zset("a", "b"), `the score "b" is no number`},
		"NaN":          {TypeZSetListpack, zset("a", "nan"), `the score "nan" is no number`},
		"scores unordered": {TypeZSetListpack, zset("a", "2", "b", "1"),
			`the member "b" of a sorted set is out of order`},
		"ties unordered": {TypeZSetListpack, zset("b", "2", "10", "2"),
			`the member "10" of a sorted set is out of order`},
		"no intset": {TypeSetIntset, "\x01x", "intset: shorter than its header"},
		"intset unordered": {TypeSetIntset, "\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x05\x00\x05\x00",
			"intset: the integer 1 is out of order"},
		"no listpack": {TypeHashListpack, "\x01x", "listpack: shorter than its header"},
		"binary NaN":  {TypeZSet, "\x01\x01a\xff\xff\xff\xff\xff\xff\xff\xff", "a score that is not a number"},
		"text NaN":    {typeZSet1, "\x01\x01a\xfd", "a score that is not a number"},
		"text score":  {typeZSet1, "\x01\x01a\x02zz", `the score "zz" is no number`},
		"node kind":   {TypeList, "\x01\x03\x01a", "a node of a list is of kind 3"},
		"empty plain": {TypeList, "\x01\x01\x00", "a large element of a list has no bytes"},
		"bad node":    {TypeList, "\x01\x02\x00", "listpack: shorter than its header"},
		"bad time": {TypeHashFieldsTime, "\xff\xff\xff\xff\xff\xff\xff\xff",
			"the earliest time of a field is 18446744073709551615"},
		"late field": {typeHashTime1, "\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff",
			"a field expires at 18446744073709551615"},
		"no time":       {typeHashListpackEx1, str(packed("a", "b", "c")), "a field expires at no time"},
		"too many":      {TypeSet, "\x81\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 elements"},
		"ziplist frame": {typeListZiplist, "\x01x", "a ziplist of 1 bytes has no proper frame"},
		"zipmap frame":  {typeHashZipmap, "\x01x", "a zipmap of 1 bytes has no proper frame"},
		"empty set":     {TypeSet, "\x00", "a collection without elements"},
		"empty hash":    {TypeHashListpack, str(packed()), "a collection without elements"},
		"empty intset":  {TypeSetIntset, str(intset()), "a collection without elements"},
	} {
		p := append([]byte{c.typ}, c.value...)
		p = append(p, Version, 0)
		sum := CRC64(0, p)
		for i := range 8 {
			p = append(p, byte(sum>>(8*i)))
		}
		err := ReadPayload(p, nil)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Reason.Error() != c.reason {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
		}
	}
}

func TestEmptyCollectionsAreNoKeys(t *testing.T) {
	c, err := read([]byte("REDIS0010\x02\x01k\x00\x10\x01l" + str(packed()) +
		"\x00\x01m\x01v\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	if err != nil || len(c.entries) != 1 {
		t.Errorf("%q, %v", c.entries, err)
	}
}

func TestManyNamesTwice(t *testing.T) {
	lp := listpack.New()
	for i := range 5000 {
		lp = listpack.AppendInt(lp, int64(i))
	}
	var names nameSet
	if err := names.check(lp, 1); err != nil {
		t.Error(err)
	}
	if err := names.check(listpack.Append(lp, []byte("77")), 1); err == nil {
		t.Error("accepted")
	}
	if err := names.check(packed("a", "b"), 1); err != nil {
		t.Error(err)
	}
}

func TestPayloadFooter(t *testing.T) {
	p, err := NewPayloadWriter().Append(nil, NewEntry(nil, []byte("10")), true)
	if err != nil || hex.EncodeToString(p) != "00c00a0a006e9f57450eae63bb" { // as Redis
		t.Errorf("%x, %v", p, err)
	}
	for i := range p {
		q := bytes.Clone(p)
		q[i] ^= 1
		if err := ReadPayload(q, nil); err != ErrFooter {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if err := ReadPayload(p[:9], nil); err != ErrFooter {
		t.Error(err)
	}
}

// TestPayloadsOfLaterVersions: what counts is the type; from version 80 on its numbers are Valkey's.
func TestPayloadsOfLaterVersions(t *testing.T) {
	for value, want := range map[string]string{
		"\x00\x01v\x11\x00": `"v"`, "\x00\x01v\x50\x00": `"v"`,
		"\x16\x01\x01c\x01d\x51\x00\x00\x00\x00\x00\x00\x00\x50\x00": `{"c" "d" false 0 81}`,
		"\x16\x01\x40\x51\x01c\x01d\x0c\x00":                         `{"c" "d" false 0 81}`,
	} {
		var got string
		p := binary.LittleEndian.AppendUint64([]byte(value), CRC64(0, []byte(value)))
		err := ReadPayload(p, func(e Entry) error { got = describe(e); return nil })
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%q: %s, %v", value, got, err)
		}
	}
	value := []byte("\x1c\x01\x0e\x00")
	p := binary.LittleEndian.AppendUint64(value, CRC64(0, value))
	if err := ReadPayload(p, nil); err == nil || !strings.Contains(err.Error(), "type 28 (an array of Redis 8.8)") {
		t.Error(err)
	}
}
