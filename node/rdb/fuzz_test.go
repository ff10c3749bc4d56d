package rdb

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast/node/listpack"
)

// keep copies an entry that lasts only as long as its callback, and adds up its size.
func keep(e Entry, size *int) Entry {
	e.Key, e.Value = bytes.Clone(e.Key), bytes.Clone(e.Value)
	*size += len(e.Key) + len(e.Value)
	if e.Elements == nil {
		return e
	}
	var els []Element
	for el := range e.Elements {
		el.Name, el.Value = bytes.Clone(el.Name), bytes.Clone(el.Value)
		if el.Stream != nil {
			part := *el.Stream
			el.Stream = &part
		}
		*size += len(el.Name) + len(el.Value)
		if e.Type == TypeList && len(el.Value) == 0 { // of the oldest form; it is no node of its own
			el.Value, el.Packed = packed(""), true
		}
		els = append(els, el)
	}
	if e.Elements = slices.Values(els); e.Type != TypeStream && e.Type != TypeStream1 { // of these the blocks count
		e.Len = len(els)
	}
	return e
}

// maxGrowth is how much larger an entry can be than its bytes: by compression, and a little where a ziplist becomes a
// listpack.
const maxGrowth = lzfMaxGrowth * 3

func FuzzReader(f *testing.F) {
	e := NewEntry([]byte("key"), bytes.Repeat([]byte("abcd"), 20))
	e.ExpireAt, e.Freq = 1<<42, 7
	unchecked := func(w *Writer) { w.Checksum = false }
	f.Add(write(f, []Entry{e, NewEntry([]byte("n"), []byte("12345"))}, unchecked))
	f.Add([]byte("VALKEY080\x16\x01k\x01\x01c\x01d\x51\x00\x00\x00\x00\x00\x00\x00\xff"))
	f.Add([]byte("REDIS0003\xfe\x02\xfd\x10\x00\x00\x00\x00\x01k\x01v\xff"))
	f.Add(
		[]byte(
			"REDIS0012\xf4\x01\x02\x03\xf5\x01x\xfa\x01a\x01b\xfb\x01\x01\xf8\x01\xf9\x02\x00\xc3\x05\x0a\x01ab\xe0" +
				"\x01\x01\x01v\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	rng := rand.New(rand.NewPCG(1, 1))
	for _, typ := range valueTypes {
		f.Add(write(f, []Entry{sampleOf(rng, typ)}, unchecked))
	}
	stream := "\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\x1d" +
		"\x1d\x00\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff"
	for form, rest := range map[string]string{"\x0f": "\x01\x05\x01\x00", "\x13": "\x01\x05\x01\x05\x01\x00\x00\x01" +
		"\x01\x01g\x05\x01\x01\x00\x01\x01c\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		f.Add([]byte("REDIS0011" + form + "\x01k" + stream + rest + "\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	}
	for _, old := range oldForms {
		f.Add([]byte("REDIS0012" + string(old.typ) + "\x01k" + old.value + "\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var entries []Entry
		var size int
		r := NewReader(bytes.NewReader(p))
		r.SkipChecksum = true
		err := r.Read(Callbacks{Entry: func(e Entry) error {
			entries = append(entries, keep(e, &size))
			return nil
		}})
		if r.Offset() > int64(len(p)) || size > len(p)*maxGrowth {
			t.Fatalf("offset %d and %d bytes of entries, of %d bytes", r.Offset(), size, len(p))
		}
		if err != nil {
			return
		}
		again, err := read(write(t, entries))
		if err != nil || len(again.entries) != len(entries) {
			t.Fatalf("%d entries became %d: %v", len(entries), len(again.entries), err)
		}
	})
}

func FuzzOldForms(f *testing.F) {
	f.Add([]byte("\x02\x02f1\x02\x00v1\x02f2\x01\x01xz\xff"))
	f.Add(ziplist("\x02f1", "\x02v1", "\x02f2", "\xf1", "\xfe\x9c", "\xc0\x00\x80", "\x80\x00\x00\x00\x01y"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, convert := range []func(dst, p []byte) ([]byte, error){ziplistToListpack, zipmapToListpack} {
			if lp, err := convert(nil, p); err == nil {
				if err := listpack.Validate(lp, true); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzFunctions: whatever a client says that a payload of functions is, it takes no more memory than its bytes may
// stand for, and what is read is written again as it was.
func FuzzFunctions(f *testing.F) {
	for _, codes := range [][]string{{}, {""}, {"#!lua name=a\n"}, {"one", string(bytes.Repeat([]byte("two "), 40))}} {
		p := AppendFunctions(nil, codes, true)
		f.Add(p[:len(p)-footerLen])
	}
	f.Add([]byte{opFunction, 0x80, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{opFunction, 0xc3, 1, 0x7f, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		p := binary.LittleEndian.AppendUint16(bytes.Clone(body), Version)
		p = binary.LittleEndian.AppendUint64(p, CRC64(0, p))
		codes, err := ReadFunctions(p)
		var size int
		var texts []string
		for _, code := range codes {
			size += len(code)
			texts = append(texts, string(code))
		}
		if size > len(body)*maxGrowth {
			t.Fatalf("%d bytes of code from %d bytes", size, len(body))
		}
		if err != nil {
			return
		}
		again, err := ReadFunctions(AppendFunctions(nil, texts, true))
		if err != nil || !slices.EqualFunc(again, texts, func(a []byte, b string) bool { return string(a) == b }) {
			t.Fatalf("%d libraries became %d: %v", len(texts), len(again), err)
		}
	})
}
