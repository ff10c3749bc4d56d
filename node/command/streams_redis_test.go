package command

import (
	"math"
	"strings"
	"testing"

	"holdfast/node/store"
)

// streamDialogues are run beside redis-server, in RESP2 and RESP3; every byte must agree. No id is made of the time.
var streamDialogues = []string{
	`xadd s 1-1 a 1|xadd s 1-1 a 1|xadd s 1-* a 1|xadd s 0-0 a 1|xadd s 1|xadd s 1-2 a|` +
		`xadd s 1-5 a 1 b|xadd s x a 1|` +
		`xadd s - a 1|xadd s 5 a 1|xadd s 5-18446744073709551615 a 1|xadd s 6-18446744073709551616 a 1|xlen s|` +
		`xadd s 18446744073709551615-18446744073709551615 a 1|xadd s * a 1|` +
		`xadd s 18446744073709551615-* a 1|xrange s - +`,
	`xadd s 99999999999999-1 a 1|xadd s * a 1|xadd s * b 1|xrevrange s + -`,
	`xadd s maxlen|xadd s maxlen 1|xadd s maxlen x 1-1 a b|xadd s maxlen -1 1-1 a b|xadd s maxlen 1 minid 1 1-1 a b|` +
		`xadd s limit 5 1-1 a b|xadd s limit 0 1-1 a b|xadd s maxlen = 1 limit 1 2-1 a b|` +
		`xadd s maxlen ~ 1 limit -1 2-1 a b|` +
		`xadd s nomkstream 3-1 a b|xadd none nomkstream 3-1 a b|xadd n maxlen ~ 0 1-1 a b|exists n|` +
		`xinfo stream n|xtrim s 1|` +
		`xtrim s maxlen|xtrim s limit 5|xtrim s maxlen 1 limit 5|xtrim none maxlen 5|xtrim s minid x|xtrim s maxlen 0`,
	`xadd s 1-0 a 1|xadd s 2-0 a 1|xadd s 3-0 a 1|xrange s - + count 0|xread count 0 streams s 0|` +
		`xrange no - + count 0|` +
		`xrange s (1 (3|xrange s (- +|xrange s (18446744073709551615-18446744073709551615 +|` +
		`xrange s - (0-0|xrange s - (0|` +
		`xrange s - + count|xrange s - + x 1|xrange s - + count x|xrevrange s + - count 1|` +
		`xrange s 01 " 2"|xrange s +1 2--0`,
	`xadd s 1-0 a 1|xadd s 2-0 a 1|xgroup create s g 0|xreadgroup group g c streams s >|` +
		`xreadgroup group g c streams s 0|` +
		`xreadgroup group g c streams s 0|xdel s 1-0|xreadgroup group g c streams s 0|` +
		`xreadgroup group g c streams s 1-0|` +
		`xinfo groups s|xack s g 1-0 2-0 3-0|xpending s g|xpending s g - + 10|xgroup delconsumer s g c|` +
		`xgroup destroy s g`,
	`xadd s 1-0 a 1|xadd s 2-0 a 1|xadd s 3-0 a 1|xadd s 4-0 a 1|xgroup create s g 0|` +
		`xreadgroup group g c streams s >|` +
		`xdel s 1-0 2-0|xautoclaim s g d 0 0 count 2|xautoclaim s g d 0 0 count 9|xautoclaim s g d 100000 0 count 1|` +
		`xautoclaim s g d x 0|xautoclaim s g d 0 0 count 0|xautoclaim s g d 0 0 nope|xautoclaim s none d 0 0|` +
		`xautoclaim none g d 0 0|xautoclaim s g d 0 (18446744073709551615-18446744073709551615`,
	`xadd s 1-0 a 1|xadd s 2-0 a 1|xadd s 3-0 a 1|xadd s 4-0 a 1|xadd s 5-0 a 1|xgroup create s g 2-0|` +
		`xinfo groups s|` +
		`xreadgroup group g c count 1 streams s >|xinfo groups s|xreadgroup group g c streams s >|xinfo groups s|` +
		`xgroup create s h 0|xreadgroup group h c count 2 streams s >|xdel s 4-0|xinfo groups s|xgroup setid s g 0|` +
		`xreadgroup group g d streams s >|xpending s g|xgroup setid s g - entriesread 3|xinfo groups s`,
	`xadd s 1-0 a 1|xadd s 2-0 a 1|xadd s 3-0 a 1|xgroup create s g $|xclaim s g c 0 2-0 force|xpending s g|` +
		`xclaim s g c 0 2-0 justid|xclaim s g d 0 2-0 retrycount 7|xclaim s g d 0 9-0 force|xclaim s g d x 1|` +
		`xclaim s g d 0 x|xclaim s g d 0 1-0 idle|xclaim s g d 0 1-0 idle x|xclaim s g d 0 1-0 time x|` +
		`xclaim s g d 0 1-0 retrycount x|xclaim s g d 0 1-0 lastid x|xclaim none g d 0 1|` +
		`xclaim s none d 0 1|xclaim s g d 0 1`,
	`xread|xread streams|xread streams s|xread streams s t 0|xread count x streams s 0|xread block x streams s 0|` +
		`xread block -1 streams s 0|xread streams s >|xread group g c streams s 0|xread noack streams s 0|` +
		`xread count 1|` +
		`xreadgroup group g c streams s|xreadgroup streams s t u 0 0 0|xreadgroup group g c streams s >|` +
		`xadd s 1-1 a 1|` +
		`xgroup create s g $|xreadgroup group g c streams s $|xreadgroup group g c streams s x|` +
		`xread streams s t 0 0|` +
		`multi|xread block 0 streams none $|exec|xread streams s (5`,
	`xgroup|xgroup nope|xgroup create s|xgroup create s g 0|xgroup create s g 0 mkstream|xgroup create s g 0|` +
		`xgroup create s h x|xgroup create s h 0 entriesread|xgroup create s h 0 entriesread x|` +
		`xgroup create s h 0 entriesread -2|xgroup create s h 0 nope|` +
		`xgroup create s h 0 entriesread 1 entriesread 2|` +
		`xgroup setid s none 0|xgroup setid s g x|xgroup setid none g 0|xgroup destroy s none|xgroup destroy none g|` +
		`xgroup createconsumer s g c|xgroup createconsumer s g c|xgroup createconsumer s none c|` +
		`xgroup delconsumer s g none|xgroup help|xgroup help x`,
	`xinfo|xinfo nope|xinfo help|xinfo help x|xinfo stream none|xinfo groups none|` +
		`xinfo consumers none g|xadd s 1-1 a 1|` +
		`xinfo stream s|xinfo stream s full|xinfo stream s nope|xinfo stream s full count|` +
		`xinfo stream s full count x|` +
		`xinfo stream s full count 0 1|xinfo consumers s none|xinfo groups s x|xdel s 1-1|xinfo stream s|` +
		`xinfo stream s full`,
	`xpending s g|xadd s 1-1 a 1|xpending s g|xack s g 1|xack s g x|xgroup create s g 0|xpending s g|xack s g x|` +
		`xpending s g -|xpending s g - +|xpending s g - + x|xpending s g idle 0 - +|xpending s g idle x - + 1|` +
		`xpending s g x + 1|xpending s g - + 1 none|xpending s g - + -1|xpending s g - + 1 a b c d`,
	`xsetid none 1-1|xadd s 5-5 a 1|xsetid s 5-4|xsetid s 6-6|xsetid s 7-7 entriesadded 0|` +
		`xsetid s 7-7 entriesadded -1|` +
		`xsetid s 7-7 entriesadded 9 maxdeletedid 8-8|xsetid s 7-7 entriesadded 9 maxdeletedid 6-6|` +
		`xsetid s 7-7 nope 1|` +
		`xsetid s x|xinfo stream s|xadd s 7-7 a 1|xadd s 7-8 a 1|debug digest-value s`,
	`set k v|xadd k 1-1 a b|xlen k|xrange k - +|xread streams k 0|xreadgroup group g c streams k >|` +
		`xack k g 1|xdel k 1|` +
		`xtrim k maxlen 1|xpending k g|xclaim k g c 0 1|xautoclaim k g c 0 0|xgroup create k g 0|` +
		`xinfo stream k|xsetid k 1-1`,
	`command getkeys xread count 1 streams a b 0 0|command getkeys xreadgroup group g c streams a >|` +
		`command getkeys xread streams|command getkeys xgroup create s g 0|command getkeysandflags xadd s * a b|` +
		`command getkeysandflags xinfo stream s|command getkeys xinfo help`,
}

func TestStreamAnswersAsRedis(t *testing.T) {
	var list []string
	for _, d := range streamDialogues {
		list = append(list, d+"|flushall")
	}
	compareDialogues(t, list)
}

// FuzzStreamID: whatever stands for an id is refused, or means one that is read again from its own text.
func FuzzStreamID(f *testing.F) {
	for _, text := range []string{"1-1", "5", "-", "+", "5-*", "18446744073709551615-0", " 7-+8", "5--05", "1\x00-2",
		"(3"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, arg []byte) {
		for _, form := range []idForm{{}, {edges: true}, {open: true}, {missing: math.MaxUint64}} {
			id, numbered, err := parseStreamID(arg, form)
			if err != nil || !numbered {
				continue
			}
			if again, err := strictID(id.AppendTo(nil)); err != nil || again != id {
				t.Fatalf("%q is %v, which is read as %v, %v", arg, id, again, err)
			}
			if strings.ContainsAny(string(arg), "*") && !strings.Contains(string(arg), "\x00") {
				t.Fatalf("%q is taken for %v", arg, id)
			}
		}
		from, err := parseRangeStart(arg)
		to, errEnd := parseRangeEnd(arg)
		if err == nil && errEnd == nil && arg[0] != '(' && to.Before(from) {
			t.Fatalf("%q is %v as a start and %v as an end", arg, from, to)
		}
		if err == nil && from == (store.StreamID{}) && len(arg) > 0 && arg[0] == '(' {
			t.Fatalf("%q is a start", arg)
		}
	})
}
