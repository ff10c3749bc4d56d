package moving

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// fill makes keys of all types, small and large, some of which expire, in two databases.
func fill(t *testing.T, s *server) {
	t.Helper()
	for db, c := range s.dbs {
		p := c.Pipeline()
		ctx := t.Context()
		for i := range 300 {
			at := time.Duration(0)
			if i%3 == 0 {
				at = time.Hour + time.Duration(i)*time.Millisecond
			}
			p.Set(ctx, fmt.Sprint("string:", i), strings.Repeat(fmt.Sprint(i, " "), i), at)
		}
		for _, n := range []int{1, 10, 1000} {
			for i := range n {
				p.RPush(ctx, fmt.Sprint("list:", n), fmt.Sprint("element ", i), i)
				p.SAdd(ctx, fmt.Sprint("integers:", n), i*i-50)
				p.SAdd(ctx, fmt.Sprint("set:", n), fmt.Sprint("member\x00\r\n", i))
				p.HSet(ctx, fmt.Sprint("hash:", n), fmt.Sprint("field ", i), i)
				p.ZAdd(ctx, fmt.Sprint("zset:", n), redis.Z{Score: float64(i) / 7, Member: fmt.Sprint("m", i)})
			}
			for _, kind := range []string{"list:", "set:", "hash:"} {
				p.Expire(ctx, fmt.Sprint(kind, n), time.Duration(n)*time.Hour)
			}
		}
		p.Set(ctx, "large", strings.Repeat("0123456789abcdef", 1<<16), 0)
		p.RPush(ctx, "large elements", strings.Repeat("x", 20000), "", strings.Repeat("y", 70000))
		p.SetRange(ctx, fmt.Sprint("only in ", db), 3, "\xff\x00")
		if _, err := p.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// write changes keys of all types until ctx ends.
func write(ctx context.Context, s *server) error {
	rng := rand.New(rand.NewPCG(1, 2))
	for ctx.Err() == nil {
		c := s.dbs[[]int{0, 3}[rng.IntN(2)]]
		p := c.Pipeline()
		if rng.IntN(4) == 0 {
			p = c.TxPipeline()
		}
		for range 1 + rng.IntN(8) {
			i, bg := rng.IntN(300), context.Background()
			switch rng.IntN(12) {
			case 0:
				p.Set(bg, fmt.Sprint("string:", i), i, time.Duration(rng.IntN(300))*time.Millisecond)
			case 1:
				p.Incr(bg, fmt.Sprint("counter:", i%20))
			case 2:
				p.LPop(bg, "list:1000")
			case 3:
				p.SPop(bg, "set:1000")
			case 4:
				p.HIncrByFloat(bg, "hash:1000", fmt.Sprint("field ", i), 0.1)
			case 5:
				p.ZIncrBy(bg, "zset:1000", 1.5, fmt.Sprint("m", i))
			case 6:
				p.Del(bg, fmt.Sprint("string:", i))
			case 7:
				p.Expire(bg, fmt.Sprint("counter:", i%20), time.Hour)
			case 8:
				p.RPush(bg, "list:10", i)
			case 9:
				p.SInterStore(bg, "common", "integers:1000", "integers:10")
			case 10:
				p.Copy(bg, "zset:1000", fmt.Sprint("copy:", i%10), rng.IntN(2)*3, true)
			case 11:
				p.Append(bg, fmt.Sprint("string:", i), "more")
			}
		}
		if _, err := p.Exec(context.Background()); err != nil && err != redis.Nil {
			return err
		}
	}
	return nil
}

func TestFollowsRedis(t *testing.T) { follows(t, startRedis(t)) }

func TestFollowsHoldfast(t *testing.T) {
	source := startHoldfast(t)
	for i := range 200 {
		source.do(t, 0, "HSET", "fields that expire", fmt.Sprint("f", i), i)
	}
	source.do(t, 0, "HPEXPIREAT", "fields that expire", "4102444800123", "FIELDS", 2, "f7", "f9")
	target := follows(t, source)
	if at := fmt.Sprint(target.do(t, 0, "HPEXPIRETIME", "fields that expire", "FIELDS", 3, "f7", "f8",
		"f9")); at != "[4102444800123 -1 4102444800123]" {
		t.Errorf("the fields expire at %s", at)
	}
}

// follows copies a server that is written to the whole time.
func follows(t *testing.T, source *server) (target *server) {
	t.Helper()
	target = startHoldfast(t)
	fill(t, source)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() { failed = write(ctx, source) })
	i := startImport(t, target, "--follow", source.Addr)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(i.out.String(),
		"following "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never followed: %s", i.out)
		}
	}
	time.Sleep(500 * time.Millisecond) // of writes that come as a stream
	// A link that breaks is taken up where it was.
	source.do(t, 0, "CLIENT", "KILL", "TYPE", "slave")
	time.Sleep(300 * time.Millisecond)
	cancel()
	wg.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	if err := i.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := i.cmd.Wait()
	t.Logf("import said: %s", i.out)
	if err != nil {
		t.Fatal(err)
	}
	sameDigest(t, source, target)
	if n := strings.Count(i.out.String(), "following "); n != 2 {
		t.Errorf("the link was made %d times instead of twice", n)
	}
	return target
}

func TestCopiesServerOnce(t *testing.T) {
	source, target := startRedis(t), startHoldfast(t)
	fill(t, source)
	source.do(t, 0, "ACL", "SETUSER", "mover", "on", ">secret", "+@all")
	source.do(t, 0, "ACL", "SETUSER", "default", "resetpass", ">other")
	if text, code := runImport(t, target, source.Addr); code != 1 || !strings.Contains(text, "NOAUTH") {
		t.Fatalf("without a password: code %d", code)
	}
	if _, code := runImport(t, target, "--from-user", "mover", "--from-pass", "secret", source.Addr); code != 0 {
		t.Fatalf("code %d", code)
	}
	sameDigest(t, source, target)
}

func TestSnapshotAndKeysThatExist(t *testing.T) {
	source, target := startRedis(t), startHoldfast(t)
	fill(t, source)
	source.do(t, 0, "SAVE")
	dump := filepath.Join(source.Dir, "dump.rdb")
	if _, code := runImport(t, target, dump); code != 0 {
		t.Fatalf("code %d", code)
	}
	sameDigest(t, source, target)

	target.do(t, 0, "SET", "string:1", "the target's")
	target.do(t, 0, "DEL", "string:2", "list:1000")
	keys := source.do(t, 0, "DBSIZE").(int64) + source.do(t, 3, "DBSIZE").(int64)
	text, code := runImport(t, target, dump)
	if want := fmt.Sprintf("%d keys are there already", keys-2); code != 1 || !strings.Contains(text, want) {
		t.Fatalf("code %d, and not %q", code, want)
	}
	if v := target.do(t, 0, "GET", "string:1"); v != "the target's" {
		t.Fatalf("a key that was there has become %q", v)
	}
	if _, code := runImport(t, target, "--replace", dump); code != 0 {
		t.Fatalf("with --replace: code %d", code)
	}
	sameDigest(t, source, target)
}

func TestOneDatabase(t *testing.T) {
	source, target := startRedis(t, "--appendonly", "yes"), startHoldfast(t)
	fill(t, source)
	if _, code := runImport(t, target, "--db", "3", source.Dir); code != 0 {
		t.Fatalf("code %d", code)
	}
	source.do(t, 0, "FLUSHDB")
	sameDigest(t, source, target)
}

// TestLogOfOneFile: Redis 6 has its log in one file; one of Redis 7 that was never rewritten looks the same.
func TestLogOfOneFile(t *testing.T) {
	source, target := startRedis(t, "--appendonly", "yes"), startHoldfast(t)
	fill(t, source)
	file := filepath.Join(source.Dir, "appendonlydir", "appendonly.aof.1.incr.aof")
	if _, code := runImport(t, target, file); code != 0 {
		t.Fatalf("code %d", code)
	}
	sameDigest(t, source, target)
	if text, code := runImport(t, target, file); code != 1 || !strings.Contains(text, "keys already") {
		t.Errorf("into a target that is not empty: code %d", code)
	}
}

func TestLog(t *testing.T) {
	source, target := startRedis(t, "--appendonly", "yes", "--aof-timestamp-enabled", "yes"), startHoldfast(t)
	fill(t, source)
	source.do(t, 0, "BGREWRITEAOF")
	for strings.Contains(fmt.Sprint(source.do(t, 0, "INFO", "persistence")), "aof_rewrite_in_progress:1") {
		time.Sleep(20 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := write(ctx, source); err != nil {
		t.Fatal(err)
	}
	source.do(t, 0, "SET", "prolonged", 41, "PX", 200)
	source.do(t, 0, "INCR", "prolonged")
	source.do(t, 0, "PEXPIRE", "prolonged", 3600000)
	want := source.settled(t) // so that the first of its times has passed
	source.Kill()

	dir := filepath.Join(source.Dir, "appendonlydir")
	incr, err := filepath.Glob(filepath.Join(dir, "*.incr.aof"))
	if err != nil || len(incr) == 0 {
		t.Fatalf("no log in %s: %v", dir, err)
	}
	tear(t, incr[len(incr)-1])
	if err := os.WriteFile(filepath.Join(dir, "appendonly.aof.99.base.rdb"), nil, 0o600); err != nil {
		t.Fatal(err) // a file that the manifest does not name
	}
	before := sizes(t, dir)
	text, code := runImport(t, target, source.Dir)
	if code != 0 || !strings.Contains(text, "left out") {
		t.Fatalf("code %d", code)
	}
	if after := sizes(t, dir); after != before {
		t.Errorf("the log was changed: %s instead of %s", after, before)
	}
	if got := target.digest(t); got != want {
		t.Fatalf("the digest is %s instead of %s", got, want)
	}
	if text, code := runImport(t, target, source.Dir); code != 1 || !strings.Contains(text, "keys already") {
		t.Errorf("into a target that is not empty: code %d", code)
	}
}

// tear puts the beginning of a command at the end of a log.
func tear(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("*3\r\n$3\r\nSET\r\n$1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func sizes(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, fmt.Sprint(e.Name(), " ", info.Size()))
	}
	return strings.Join(text, ", ")
}

func TestErrorsNameKeyAndReason(t *testing.T) {
	source, target := startRedis(t), startHoldfast(t)
	if text, code := runImport(t, target, target.Addr); code != 1 || !strings.Contains(text, "same server") {
		t.Errorf("into itself: code %d", code)
	}
	later := filepath.Join(t.TempDir(), "dump.rdb") // as Redis 8.8 would have written it
	dump := []byte("REDIS0014\x1c\x06events\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00")
	if err := os.WriteFile(later, dump, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, code := runImport(t, target, later); code != 1 || !strings.Contains(text, `"events"`) ||
		!strings.Contains(text, "an array of Redis 8.8") {
		t.Errorf("a value of an unknown type: code %d", code)
	}
	source.do(t, 0, "SET", "big", strings.Repeat("x", 3<<20))
	target.do(t, 0, "CONFIG", "SET", "proto-max-bulk-len", 2<<20)
	if text, code := runImport(t, target, source.Addr); code != 1 || !strings.Contains(text, `"big"`) ||
		!strings.Contains(text, "invalid bulk length") {
		t.Errorf("a value that is too large for the target: code %d", code)
	}
}

// TestFunctionsComeAlong in a snapshot, and in a log.
func TestFunctionsComeAlong(t *testing.T) {
	source := startRedis(t, "--appendonly", "yes")
	fill(t, source)
	source.do(t, 0, "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('answer', function() return 42 end)")
	source.do(t, 0, "SAVE")
	for _, from := range []string{filepath.Join(source.Dir, "dump.rdb"), source.Dir} {
		target := startHoldfast(t)
		if text, code := runImport(t, target, from); code != 0 {
			t.Fatalf("code %d: %s", code, text)
		}
		if got := target.do(t, 0, "FCALL", "answer", 0); got != int64(42) {
			t.Errorf("from %s: the function answers %v", from, got)
		}
	}
}
