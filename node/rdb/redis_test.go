package rdb

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// startRedis runs a redis-server in dir and returns how to send it a command,
// whose reply is given as redis-cli prints it without a terminal.
func startRedis(t *testing.T, dir string) func(args ...string) string {
	t.Helper()
	cli, port := servers.Tool(t, "redis-cli"), servers.Redis(t, dir).Port
	return func(args ...string) string {
		t.Helper()
		out, err := exec.Command(cli, append([]string{"-p", port}, args...)...).Output()
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return strings.TrimSuffix(string(out), "\n")
	}
}

func TestReadsWhatRedisWrote(t *testing.T) {
	dir := t.TempDir()
	redis := startRedis(t, dir)
	far := time.Now().Add(time.Hour).UnixMilli()
	long := strings.Repeat("to compress ", 10000)
	want := []string{}
	set := func(db int, key, value string, expire int64) {
		t.Helper()
		args := []string{"-n", strconv.Itoa(db), "SET", key, value}
		if expire >= 0 {
			args = append(args, "PXAT", strconv.FormatInt(expire, 10))
		}
		if got := redis(args...); got != "OK" {
			t.Fatal(got)
		}
		e := NewEntry([]byte(key), []byte(value))
		e.DB, e.ExpireAt = db, expire
		want = append(want, describe(e))
	}
	for i, v := range []string{"0", "-1", "127", "-128", "128", "32767", "-32769", "2147483647", "-2147483649",
		"9223372036854775807", "", "text",
		long[:20], long[:21], long[:300], long[:100000]} {
		set(0, "k"+strconv.Itoa(i), v, -1)
		set(5, strconv.Itoa(i*100), v, far+int64(i))
	}
	set(15, long[:5000], long[1:30000], far)
	for _, policy := range []string{"noeviction", "allkeys-lru", "allkeys-lfu"} {
		redis("CONFIG", "SET", "maxmemory-policy", policy)
		if got := redis("SAVE"); got != "OK" {
			t.Fatal(got)
		}
		p, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		var c contents
		to := c.callbacks()
		to.Entry = func(e Entry) error {
			if (e.Idle >= 0) != (policy == "allkeys-lru") || (e.Freq >= 0) != (policy == "allkeys-lfu") {
				t.Errorf("%s: idle %d, freq %d", policy, e.Idle, e.Freq)
			}
			e.Idle, e.Freq = -1, -1
			c.entries = append(c.entries, describe(e))
			return nil
		}
		if err := NewReader(bytes.NewReader(p)).Read(to); err != nil {
			t.Fatal(err)
		}
		slices.Sort(c.entries)
		slices.Sort(want)
		if !slices.Equal(c.entries, want) {
			t.Errorf("got %d entries, want %d, or they differ", len(c.entries), len(want))
		}
		if c.aux["redis-ver"] == "" || c.aux["redis-bits"] != "64" {
			t.Errorf("aux: %v", c.aux)
		}
	}
}

// writeFile writes a snapshot and returns how many entries each database has.
func writeFile(t *testing.T, name string, entries []Entry) (sizes map[int]int) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f)
	w.Header(map[string]string{
		"redis-ver": "7.0.15", "redis-bits": "64", "ctime": "1700000000", "used-mem": "1000",
		"repl-stream-db": "0", "repl-id": strings.Repeat("a", 40), "repl-offset": "77",
	})
	sizes, expires := map[int]int{}, map[int]int{}
	for _, e := range entries {
		sizes[e.DB]++
		if e.ExpireAt >= 0 {
			expires[e.DB]++
		}
	}
	db := -1
	for _, e := range entries {
		if e.DB != db {
			db = e.DB
			w.SelectDB(db, sizes[db], expires[db])
		}
		w.Entry(e)
	}
	if err := w.EOF(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return sizes
}

func TestRedisReadsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	entries := sample(rand.New(rand.NewPCG(3, 4)), 300)
	far := time.Now().Add(time.Hour).UnixMilli()
	for i := range entries {
		e := &entries[i]
		e.Idle = min(e.Idle, 1<<20)
		if e.ExpireAt >= 0 {
			e.ExpireAt = far + int64(i)
		}
		if i%10 == 0 {
			e.Key = fmt.Append(nil, i) // a key that is a number
		}
	}
	name := filepath.Join(dir, "dump.rdb")
	sizes := writeFile(t, name, entries)

	redis := startRedis(t, dir)
	if out, err := exec.Command(servers.Tool(t, "redis-check-rdb"), name).CombinedOutput(); err != nil ||
		!bytes.Contains(out, []byte("RDB looks OK")) {
		t.Fatalf("redis-check-rdb: %v\n%s", err, out)
	}
	for db, n := range sizes {
		if got := redis("-n", strconv.Itoa(db), "DBSIZE"); got != strconv.Itoa(n) {
			t.Errorf("database %d has %s keys, want %d", db, got, n)
		}
	}
	// Redis writes all of it again: that must say the same.
	if got := redis("SAVE"); got != "OK" {
		t.Fatal(got)
	}
	p, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	err = NewReader(bytes.NewReader(p)).Read(Callbacks{Entry: func(e Entry) error {
		e.Idle, e.Freq = -1, -1
		got = append(got, describe(e))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		e.Idle, e.Freq = -1, -1
		want = append(want, describe(e))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("Redis holds other entries than were written")
	}
}
