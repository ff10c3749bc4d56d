package dump

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"holdfast/node/listpack"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

// sealed makes a payload of a type and the bytes of a value.
func sealed(typ byte, value []byte) []byte {
	p := append([]byte{typ}, value...)
	p = binary.LittleEndian.AppendUint16(p, rdb.Version)
	return binary.LittleEndian.AppendUint64(p, rdb.CRC64(0, p))
}

// block is a block of a stream with the id 5-1, as a snapshot has it: a string, then a listpack of these numbers and
// texts.
func block(elements string) []byte {
	lp := listpack.New()
	for word := range strings.FieldsSeq(elements) {
		lp = listpack.Append(lp, []byte(word))
	}
	p := append([]byte{16}, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1)
	return append(append(p, byte(len(lp))), lp...)
}

// twoEntries are 5-1 and 7-1, the latter with another field.
const twoEntries = "2 0 1 f 0 2 0 0 v 4 0 2 0 1 g w 6"

func restore(payload []byte) (*store.Store, error) {
	s := newStore(1)
	return s, rdb.ReadPayload(payload, func(e rdb.Entry) error {
		e.Key = []byte("k")
		return Load(s, s.DB(0), e)
	})
}

// TestOldStreams: forms of other versions of Redis (rdb.c of 5.0 and of 7.2) become the present one.
func TestOldStreams(t *testing.T) {
	milliseconds := func(n byte) []byte { return []byte{n, 0, 0, 0, 0, 0, 0, 0} }
	pendingID := []byte{0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	first := join([]byte{1}, block(twoEntries))
	group := []byte("\x01g\x05\x01")                                  // its name and last id
	pending := join([]byte{1}, pendingID, milliseconds(9), []byte{3}) // how often
	owned := join([]byte{1}, pendingID)                               // of the one consumer
	now := join(first, []byte{2, 7, 1, 5, 1, 0, 0, 2, 1}, group, []byte{1}, pending, []byte("\x01\x01c"),
		milliseconds(8), owned)
	for typ, value := range map[byte][]byte{
		15: join(first, []byte{2, 7, 1, 1}, group, pending, []byte("\x01\x01c"), milliseconds(8), owned),
		21: join(first, []byte{2, 7, 1, 5, 1, 0, 0, 2, 1}, group, []byte{1}, pending, []byte("\x01\x01c"),
			milliseconds(8), milliseconds(7), owned),
	} {
		s, err := restore(sealed(typ, value))
		if err != nil {
			t.Fatalf("type %d: %v", typ, err)
		}
		it, _ := s.DB(0).Get([]byte("k"))
		if got := payload(t, it); !bytes.Equal(got, sealed(19, now)) {
			t.Errorf("type %d becomes\n%q, want\n%q", typ, got, sealed(19, now))
		}
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestBrokenStreams: what does not fit together is an error, and nothing is there then.
func TestBrokenStreams(t *testing.T) {
	meta := "\x02\x07\x01\x05\x01\x00\x00\x02"
	whole := "\x01" + string(block(twoEntries)) + meta
	pendingID := "\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01"
	const zero = "\x00\x00\x00\x00\x00\x00\x00\x00"
	if _, err := restore(sealed(19, []byte(whole+"\x00"))); err != nil {
		t.Fatal(err)
	}
	for what, value := range map[string]string{
		"ends":           whole,
		"counts entries": "\x01" + string(block(twoEntries)) + "\x03" + meta[1:] + "\x00",
		"last id":        "\x01" + string(block(twoEntries)) + "\x02\x06" + meta[2:] + "\x00",
		"block twice":    "\x02" + string(block(twoEntries)) + string(block(twoEntries)) + "\x04" + meta[1:] + "\x00",
		"no entry":       "\x01" + string(block("0 0 1 f 0")) + "\x00" + meta[1:] + "\x00",
		"counts live":    "\x01" + string(block("1 1 1 f 0 2 0 0 v 4 0 2 0 1 g w 6")) + meta + "\x00",
		"elements":       "\x01" + string(block("2 0 1 f 0 2 0 0 v 5 0 2 0 1 g w 6")) + meta + "\x00",
		"flags":          "\x01" + string(block("2 0 1 f 0 6 0 0 v 4 0 2 0 1 g w 6")) + meta + "\x00",
		"no number":      "\x01" + string(block("2 0 1 f 0 2 x 0 v 4 0 2 0 1 g w 6")) + meta + "\x00",
		"order":          "\x01" + string(block("2 0 1 f 0 2 3 0 v 4 0 2 0 1 g w 6")) + meta + "\x00",
		"fields":         "\x01" + string(block("2 0 9 f 0 2 0 0 v 4")) + meta + "\x00",
		"many fields": "\x01" + string(block("1 0 1 f 0 0 0 0 9223372036854775807 v 4")) + meta +
			"\x00",
		"group twice":        whole + "\x02" + strings.Repeat("\x01g\x05\x01\x01\x00\x00", 2),
		"pending for nobody": whole + "\x01\x01g\x05\x01\x01\x01" + pendingID + zero + "\x01\x00",
		"pending twice":      whole + "\x01\x01g\x05\x01\x01\x02" + strings.Repeat(pendingID+zero+"\x01", 2) + "\x00",
		"owned, not pending": whole + "\x01\x01g\x05\x01\x01\x00\x01\x01c" + zero + "\x01" + pendingID,
		"consumer twice":     whole + "\x01\x01g\x05\x01\x01\x00\x02" + strings.Repeat("\x01c"+zero+"\x00", 2),
		"owned twice": whole + "\x01\x01g\x05\x01\x01\x01" + pendingID + zero + "\x01\x02" + "\x01c" + zero + "\x01" +
			pendingID + "\x01d" + zero + "\x01" + pendingID,
		"very many groups": whole + "\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
	} {
		s, err := restore(sealed(19, []byte(value)))
		if err == nil || s.DB(0).Len() != 0 {
			t.Errorf("%s: %v, %d keys", what, err, s.DB(0).Len())
		}
	}
	for n := range len(whole) {
		if s, err := restore(sealed(19, []byte(whole[:n]))); err == nil || s.DB(0).Len() != 0 {
			t.Errorf("the first %d bytes are taken for a stream", n)
		}
	}
}
