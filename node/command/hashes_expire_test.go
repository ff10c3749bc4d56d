package command

import (
	"strconv"
	"strings"
	"testing"
)

func TestFieldExpiry(t *testing.T) {
	for _, enc := range []string{"listpackex", "hashtable"} {
		t.Run(enc, func(t *testing.T) {
			e := newTestEnv(t)
			if enc == "hashtable" {
				e.do("config", "set", "hash-max-listpack-entries", "0")
			}
			e.run([]step{
				{"hset h a 1 b 2 c 3", ":3"},
				{"httl h fields 2 a x", "[:-1 :-2]"},
				{"httl none fields 1 a", "[:-2]"},
				{"hexpire h 100 fields 2 a x", "[:1 :-2]"},
				{"object encoding h", `"` + enc + `"`},
				{"httl h fields 1 a", "[:100]"},
				{"hpttl h fields 1 a", "[:100000]"},
				{"hexpiretime h fields 1 a", "[:1700000100]"},
				{"hpexpiretime h fields 1 a", "[:1700000100000]"},
				{"hpexpire h 100001 nx fields 2 a b", "[:0 :1]"},
				{"httl h fields 2 a b", "[:100 :101]"},
				{"hexpire h 200 xx fields 2 a c", "[:1 :0]"},
				{"hexpire h 100 gt fields 2 a c", "[:0 :0]"},
				{"hexpire h 300 gt fields 2 a c", "[:1 :0]"},
				{"hexpire h 400 lt fields 2 a c", "[:0 :1]"},
				{"hexpire h 50 lt fields 2 a c", "[:1 :1]"},
				{"hpersist h fields 3 a x a", "[:1 :-2 :-1]"},
				{"httl h fields 3 a b c", "[:-1 :101 :50]"},
				{"hset h b 5", ":0"},
				{"httl h fields 1 b", "[:-1]"},
				{"hincrby h c 4", ":7"},
				{"hincrbyfloat h c 0.5", `"7.5"`},
				{"httl h fields 1 c", "[:50]"},
				{"copy h i", ":1"},
				{"rename i j", "+OK"},
				{"httl j fields 1 c", "[:50]"},
				{"hexpire h 0 fields 1 a", "[:2]"},
				{"hpexpireat h 1 fields 1 b", "[:2]"},
				{"hlen h", ":1"},
				{"hexpireat h 1699999999 fields 1 c", "[:2]"},
				{"exists h", ":0"},
				{"hexpire h 10 fields 2 a b", "[:-2 :-2]"},
				{"hpersist h fields 2 a b", "[:-2 :-2]"},
			})
			if err := e.Store.Check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestFieldExpiryErrors(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"hset h a 1", ":1"},
		{"set string x", "+OK"},
		{"hexpire string 1 fields 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"httl string fields 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"hexpire h 1 fields 1", "-ERR wrong number of arguments for 'hexpire' command"},
		{"hexpire h x fields 1 a", "-ERR value is not an integer or out of range"},
		{"hexpire h -1 fields 1 a", "-ERR invalid expire time, must be >= 0"},
		{"hexpire h 9223372036854775807 fields 1 a", "-ERR invalid expire time in 'hexpire' command"},
		{"hexpireat h 70368744178 fields 1 a", "-ERR invalid expire time in 'hexpireat' command"},
		{"hpexpireat h 70368744177664 fields 1 a", "-ERR invalid expire time in 'hpexpireat' command"},
		{"hpexpireat h 70368744177663 fields 1 a", "[:1]"},
		{"hpexpire h 70368744177663 fields 1 a", "-ERR invalid expire time in 'hpexpire' command"},
		{"hexpire h 1 nonsense 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
		{"hexpire h 1 nx gt 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
		{"hexpire h 1 fields 0 a", "-ERR Parameter `numFields` should be greater than 0"},
		{"hexpire h 1 fields x a", "-ERR Parameter `numFields` should be greater than 0"},
		{"hexpire h 1 fields 2 a", "-ERR The `numfields` parameter must match the number of arguments"},
		{"hexpire h 1 nx fields 1", "-ERR The `numfields` parameter must match the number of arguments"},
		{"httl h nonsense 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
		{"httl h fields 0 a", "-ERR Number of fields must be a positive integer"},
		{"httl h fields 2 a", "-ERR The `numfields` parameter must match the number of arguments"},
		{"hpersist h fields -1 a", "-ERR Number of fields must be a positive integer"},
		{"hgetdel h field 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
		{"hgetdel h fields 0 a", "-ERR Number of fields must be a positive integer"},
		{"hgetex h ex x fields 1 a", "-ERR value is not an integer or out of range"},
		{"hgetex h ex -1 fields 1 a", "-ERR invalid expire time, must be >= 0"},
		{"hgetex h ex 1 persist fields 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"},
		{"hsetex h nonsense fields 1 a 1", "-ERR unknown argument: nonsense"},
		{"hsetex h fnx fxx fields 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"},
		{"hsetex h ex 1 keepttl fields 1 a 1",
			"-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"},
		{"hsetex h fields 1 a 1 ex", "-ERR wrong number of arguments for 'hsetex' command"},
		{"hsetex h fields 0 a 1", "-ERR invalid number of fields"},
		{"hsetex h fnx fields 1 a", "-ERR wrong number of arguments for 'hsetex' command"},
		{"hsetex h fnx ex 1 fnx fxx ex", "-ERR Only one of FXX or FNX arguments can be specified"},
		{"hsetex h fnx keepttl fnx", "-ERR wrong number of arguments for 'hsetex' command"},
		{"hsetex h fnx ex 5 ex 5", "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"},
	})
}

func TestHashGetAndSetWithExpiry(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"hsetex h ex 10 fields 2 a 1 b 2", ":1"},
		{"httl h fields 2 a b", "[:10 :10]"},
		{"hsetex h fnx fields 2 c 1 a 2", ":0"},
		{"hsetex h fxx fields 2 c 1 a 2", ":0"},
		{"hsetex none fxx fields 1 a 2", ":0"},
		{"exists none", ":0"},
		{"hsetex h fnx keepttl fields 1 c 3", ":1"},
		{"hsetex h keepttl fxx fields 1 a 5", ":1"},
		{"hsetex h fields 1 b 6", ":1"},
		{"httl h fields 3 a b c", "[:10 :-1 :-1]"},
		{"hgetex h fields 3 a b x", `["5" "6" nil]`},
		{"hgetex none ex 1 fields 2 a b", "[nil nil]"},
		{"hgetex h px 500 fields 2 a b", `["5" "6"]`},
		{"hpttl h fields 2 a b", "[:500 :500]"},
		{"hgetex h persist fields 2 a c", `["5" "3"]`},
		{"hpttl h fields 2 a b", "[:-1 :500]"},
		{"hgetex h exat 1 fields 1 a", `["5"]`},
		{"hexists h a", ":0"},
		{"hgetdel h fields 2 b b", `["6" nil]`},
		{"hsetex h pxat 1 fields 2 c 1 d 1", ":1"},
		{"exists h", ":0"},
		{"hgetdel h fields 2 b b", "[nil nil]"},
	})
}

// What has expired is not seen, and a master deletes what it comes upon.
func TestExpiredFieldsAreHidden(t *testing.T) {
	for _, c := range []struct{ command, want, effects string }{
		{"hget h a", "nil", "HDEL h a"},
		{"hmget h a b c", `[nil nil "3"]`, "MULTI\nHDEL h a\nHDEL h b\nEXEC"},
		{"hmget h a a", "[nil nil]", "HDEL h a"},
		{"hexists h a", ":0", "HDEL h a"},
		{"hstrlen h a", ":0", "HDEL h a"},
		{"hlen h", ":3", ""},
		{"hgetall h", `["c" "3"]`, ""},
		{"hkeys h", `["c"]`, ""},
		{"hvals h", `["3"]`, ""},
		{"hscan h 0", `["0" ["c" "3"]]`, ""},
		{"hrandfield h 5", `["c"]`, "MULTI\nHDEL h a\nHDEL h b\nEXEC"},
		{"hrandfield h", `"c"`, "MULTI\nHDEL h a\nHDEL h b\nEXEC"},
		{"httl h fields 2 a c", "[:-2 :-1]", ""},
		{"hexpire h 5 fields 1 a", "[:-2]", "HDEL h a"},
		{"hpersist h fields 1 a", "[:-2]", "HDEL h a"},
		{"hsetnx h a 7", ":1", "MULTI\nHDEL h a\nhsetnx h a 7\nEXEC"},
		{"hincrby h a 7", ":7", "MULTI\nHDEL h a\nhincrby h a 7\nEXEC"},
		{"hincrbyfloat h a 7", `"7"`, "MULTI\nHDEL h a\nHSET h a 7\nEXEC"},
		{"hset h a 7", ":0", "hset h a 7"},
		{"hgetdel h fields 2 a c", `[nil "3"]`, "MULTI\nHDEL h a\nHDEL h c\nEXEC"},
		{"hgetex h ex 1 fields 1 a", "[nil]", "HDEL h a"},
		{"hsetex h fnx fields 1 a 1", ":1", "MULTI\nHDEL h a\nhsetex h fnx fields 1 a 1\nEXEC"},
	} {
		for _, entries := range []string{"512", "0"} {
			e := newTestEnv(t)
			e.run([]step{
				{"config set hash-max-listpack-entries " + entries, "+OK"},
				{"hset h a 1 b 2 c 3", ":3"}, {"hpexpire h 100 fields 2 a b", "[:1 :1]"},
			})
			e.effects()
			e.now += 101
			if c.command != "hlen h" {
				e.run([]step{{c.command, c.want}})
			}
			if got := e.effects(); got != c.effects && (entries != "0" || len(got) != len(c.effects)) {
				t.Errorf("%s: effects\n%s\nwant\n%s", c.command, got, c.effects)
			}
			if err := e.Store.Check(); err != nil {
				t.Fatalf("%s: %v", c.command, err)
			}
		}
	}
}

// A replica hides what has expired, but leaves it to its master to delete it.
func TestExpiredFieldsOnReplica(t *testing.T) {
	e := newTestEnv(t)
	e.node.replica = true
	e.apply("hset", "h", "a", "1", "b", "2")
	e.apply("hpexpireat", "h", "1", "fields", "1", "a")
	e.apply("hsetex", "g", "PXAT", "1", "FIELDS", "1", "a", "1")
	e.run([]step{
		{"hget h a", "nil"}, {"hgetall h", `["b" "2"]`}, {"hrandfield h 5", `["b"]`}, {"hlen h", ":2"},
		{"hrandfield g", "nil"}, {"hget g a", "nil"}, {"exists g", ":1"},
	})
	if got := e.effects(); got != "" {
		t.Errorf("a replica's log says %s", got)
	}
	e.apply("hincrby", "h", "a", "5")
	e.apply("hpersist", "h", "fields", "1", "a")
	e.apply("hdel", "g", "a")
	e.run([]step{{"hget h a", `"6"`}, {"exists g", ":0"}})
}

func TestFieldSweep(t *testing.T) {
	e := newTestEnv(t)
	e.do("hset", "late", "a", "1")
	e.do("hexpire", "late", "100", "fields", "1", "a")
	e.do("hset", "some", "a", "1", "b", "2")
	e.do("hpexpire", "some", "5", "fields", "1", "a")
	var all []string
	for i := range 50 {
		all = append(all, strconv.Itoa(i), "x")
	}
	e.do(append([]string{"hset", "all"}, all...)...)
	for i := range 50 {
		e.do("hpexpire", "all", strconv.Itoa(i+1), "fields", "1", strconv.Itoa(i))
	}
	if got := e.do("info", "keyspace"); !strings.Contains(got, "subexpiry=3") {
		t.Error(got)
	}
	e.effects()
	e.now += 6
	e.sweepUntil(6, 4)
	e.run([]step{{"hlen all", ":45"}, {"hgetall some", `["b" "2"]`}})
	e.now += 100
	e.sweepUntil(45, 10)
	e.run([]step{{"exists all late some", ":2"}})
	if got := e.do("info", "keyspace"); !strings.Contains(got, "subexpiry=1") {
		t.Error(got)
	}
	if n := strings.Count(e.effects(), "HDEL"); n != 51 || e.Stats.ExpiredSubkeys != 51 {
		t.Errorf("%d deletions in the log", n)
	}
	if err := e.Store.Check(); err != nil {
		t.Fatal(err)
	}
}

// sweepUntil sweeps with a budget until nothing is left to do, which must have deleted that many.
func (e *testEnv) sweepUntil(want, budget int) {
	e.t.Helper()
	total := 0
	for {
		_, expired := e.ExpireSweep(0, e.now, budget)
		if expired > budget {
			e.t.Fatalf("a sweep of at most %d deleted %d", budget, expired)
		}
		if expired == 0 {
			break
		}
		total += expired
	}
	if total != want {
		e.t.Errorf("the sweep deleted %d, want %d", total, want)
	}
}
