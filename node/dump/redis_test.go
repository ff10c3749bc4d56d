package dump

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/servers"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/resp"
	"holdfast/transport"
)

// redis is a real server and its directory.
type redis struct {
	t *testing.T
	*servers.Server
	client *resp.Client
}

// startRedis runs a redis-server, which loads the dump.rdb of the directory.
func startRedis(t *testing.T, dir string, args ...string) *redis {
	t.Helper()
	r := &redis{t: t, Server: servers.Redis(t, dir, append([]string{"--sanitize-dump-payload", "yes"}, args...)...)}
	var err error
	if r.client, err = resp.Dial(t.Context(), transport.Host{}, r.Addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.client.Close() })
	return r
}

// do runs a command and gives the reply as text.
func (r *redis) do(args ...any) string {
	r.t.Helper()
	v, err := r.client.Do(r.t.Context(), args...)
	if err != nil {
		r.t.Fatalf("%q: %v", args, err)
	}
	return v.String()
}

// pipe runs many commands.
func (r *redis) pipe(commands [][]string) {
	r.t.Helper()
	var b bytes.Buffer
	for _, args := range commands {
		fmt.Fprintf(&b, "*%d\r\n", len(args))
		for _, a := range args {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
		}
	}
	cmd := exec.Command(servers.Tool(r.t, "redis-cli"), "-p", r.Port, "--pipe")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("errors: 0")) {
		r.t.Fatalf("%v: %s", err, out)
	}
}

func hexDigest(s *store.Store) string {
	sum := s.Digest()
	return fmt.Sprintf("%x", sum[:])
}

// randomCommands make keys of all types and sizes.
func randomCommands(rng *rand.Rand) (commands [][]string) {
	text := func(i int) string { return string(word(rng, i)) }
	for k := range 90 {
		key, n := "key:"+strconv.Itoa(k), 1+rng.IntN(1<<rng.IntN(11))
		if rng.IntN(20) == 0 {
			commands = append(commands, []string{"SELECT", strconv.Itoa(rng.IntN(4))})
		}
		kind := rng.IntN(7)
		for i := range n {
			switch kind {
			case 0:
				commands = append(commands, []string{"APPEND", key, text(i)})
			case 1:
				commands = append(commands, []string{[]string{"LPUSH", "RPUSH"}[rng.IntN(2)], key, text(i)})
			case 2:
				commands = append(commands, []string{"SADD", key, text(i)})
			case 3:
				commands = append(commands, []string{"SADD", key, strconv.Itoa(i << rng.IntN(40))})
			case 4:
				commands = append(commands, []string{"HSET", key, text(i), text(1)})
			case 5:
				score := strconv.FormatFloat(scores[rng.IntN(len(scores))]*float64(1+rng.IntN(3)), 'g', -1, 64)
				commands = append(commands, []string{"ZADD", key, score, text(i)})
			case 6:
				commands = append(commands, randomStream(rng, key, i)...)
			}
		}
		if kind == 1 && rng.IntN(3) == 0 {
			commands = append(commands, []string{"RPUSH", key, strings.Repeat("long ", 5000), ""})
		}
		if rng.IntN(3) == 0 {
			commands = append(commands, []string{"PEXPIREAT", key, strconv.Itoa(1<<42 + k)})
		}
	}
	return commands
}

// randomStream does something to a stream: i counts up.
func randomStream(rng *rand.Rand, key string, i int) [][]string {
	id := func(i int) string { return fmt.Sprint(1_700_000_000_000+i*i, "-", i) }
	some, group, consumer := id(rng.IntN(i+1)), fmt.Sprint("group", rng.IntN(2)), fmt.Sprint("consumer", rng.IntN(4))
	add := []string{"XADD", key, id(i), "name", string(word(rng, i)), "number", strconv.Itoa(i)}
	if rng.IntN(5) == 0 {
		add = append(add, string(word(rng, i)), string(word(rng, 1)))
	}
	commands := [][]string{add}
	if i == 0 {
		commands = append(commands, []string{"XGROUP", "CREATE", key, "group0", "0"},
			[]string{"XGROUP", "CREATE", key, "group1", "$"})
	}
	switch rng.IntN(12) {
	case 0, 1:
		commands = append(commands, []string{"XDEL", key, some})
	case 2:
		commands = append(commands, []string{"XTRIM", key, "MAXLEN", strconv.Itoa(rng.IntN(i + 1))})
	case 3, 4, 5:
		commands = append(commands, []string{"XREADGROUP", "GROUP", group, consumer, "COUNT", "7", "STREAMS", key, ">"})
	case 6:
		commands = append(commands, []string{"XCLAIM", key, group, consumer, "0", some, "RETRYCOUNT", "3"})
	case 7:
		commands = append(commands, []string{"XACK", key, group, some, id(rng.IntN(i + 1))})
	case 8:
		commands = append(commands, []string{"XAUTOCLAIM", key, group, consumer, "0", some})
	}
	return commands
}

func TestLoadsWhatRedisWrote(t *testing.T) {
	for i, args := range [][]string{
		nil,
		{"--rdbcompression", "no", "--list-max-listpack-size", "3", "--list-compress-depth", "1",
			"--hash-max-listpack-value", "500", "--zset-max-listpack-value", "500"},
		{"--list-max-listpack-size", "-5", "--list-compress-depth", "2", "--hash-max-listpack-entries", "3000",
			"--zset-max-listpack-entries", "3000",
			"--set-max-intset-entries", "3000", "--hash-max-listpack-value", "500"},
		{"--stream-node-max-entries", "7", "--stream-node-max-bytes", "0",
			"--hash-max-listpack-entries", "0", "--zset-max-listpack-entries", "0", "--set-max-intset-entries", "0"},
	} {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := startRedis(t, t.TempDir(), args...)
		r.pipe(randomCommands(rand.New(rand.NewPCG(seed, uint64(i)))))
		if got := r.do("SAVE"); got != "OK" {
			t.Fatal(got)
		}
		p, err := os.ReadFile(filepath.Join(r.Dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(seed)
		if err := load(p, s); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if want := r.do("DEBUG", "DIGEST"); hexDigest(s) != want {
			t.Errorf("with %q the digests differ", args)
		}
		comparePayloads(t, r, s)
		backToRedis(t, s)
	}
}

// comparePayloads has Redis restore what the store dumps, in place of what it has, and the other way round.
func comparePayloads(t *testing.T, r *redis, s *store.Store) {
	t.Helper()
	want := r.do("DEBUG", "DIGEST")
	payloads, other := rdb.NewPayloadWriter(), newStore(1)
	var commands [][]string
	for i := range s.Databases() {
		commands = append(commands, []string{"SELECT", strconv.Itoa(i)})
		s.DB(i).Each(func(it store.Item) bool {
			p, err := payloads.Append(nil, Entry(it), true)
			if err != nil {
				t.Fatal(err)
			}
			commands = append(commands,
				[]string{"RESTORE", string(it.Key()), strconv.FormatInt(max(it.ExpireAt(), 0), 10), string(p),
					"REPLACE", "ABSTTL"})
			return true
		})
	}
	r.pipe(commands)
	if got := r.do("DEBUG", "DIGEST"); got != want {
		t.Error("Redis restored something else than what was dumped")
	}
	r.do("CONFIG", "SET", "rdbcompression", "no")
	for i := range s.Databases() {
		r.do("SELECT", i)
		s.DB(i).Each(func(it store.Item) bool {
			p := []byte(r.do("DUMP", string(it.Key())))
			if it.Type() == store.TypeStream && !bytes.Equal(p, payload(t, it)) { // groups are in no digest
				t.Errorf("%s: the stream that Redis dumps is another one, or in another form", it.Key())
			}
			err := rdb.ReadPayload(p, func(e rdb.Entry) error {
				e.Key, e.ExpireAt = it.Key(), it.ExpireAt()
				return Load(other, other.DB(i), e)
			})
			if err != nil {
				t.Errorf("%s: %v", it.Key(), err)
			}
			return true
		})
	}
	if other.Digest() != s.Digest() {
		t.Error("what Redis dumped is something else when it is restored")
	}
}

// backToRedis has a new Redis start with a dump of the store.
func backToRedis(t *testing.T, s *store.Store) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dump.rdb")
	if err := os.WriteFile(name, save(t, s, false), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(servers.Tool(t, "redis-check-rdb"), name).CombinedOutput(); err != nil ||
		!bytes.Contains(out, []byte("RDB looks OK")) {
		t.Fatalf("redis-check-rdb: %v\n%s", err, out)
	}
	r := startRedis(t, filepath.Dir(name))
	if r.do("DEBUG", "DIGEST") != hexDigest(s) {
		t.Error("Redis has loaded something else than what was written")
	}
	for i := range s.Databases() {
		r.do("SELECT", i)
		s.DB(i).Each(func(it store.Item) bool {
			got := r.do("OBJECT", "ENCODING", string(it.Key()))
			if it.Type() != store.TypeString && got != it.Encoding().String() {
				t.Errorf("%s: Redis has a %s, the store a %v", it.Key(), got, it.Encoding())
			}
			return true
		})
	}
}

// TestRedisLoadsWhatWasWritten begins with values that were made in the store.
func TestRedisLoadsWhatWasWritten(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := newStore(seed)
	fill(rng, s, plainMakers)
	for i := range s.Databases() {
		s.DB(i).Each(func(it store.Item) bool { s.DB(i).SetExpire(it.Key(), 1<<42); return true })
	}
	backToRedis(t, s)
}
