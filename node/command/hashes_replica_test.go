package command

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"

	"holdfast/node/store"
)

// hashContents lists all fields of all hashes with values and times.
func hashContents(e *testEnv) map[string]string {
	all := map[string]string{}
	e.Store.DB(0).Each(func(it store.Item) bool {
		it.Hash().Each(func(field, value []byte, at int64) bool {
			all[string(it.Key())+"/"+string(field)] = string(value) + "@" + strconv.FormatInt(at, 10)
			return true
		})
		return true
	})
	return all
}

// randomHashCommand draws a command on few keys and fields, with brief times.
func randomHashCommand(rng *rand.Rand) []string {
	key, f, g := fmt.Sprintf("h%d", rng.IntN(3)), strconv.Itoa(rng.IntN(8)), strconv.Itoa(rng.IntN(8))
	ms, pick := strconv.Itoa(rng.IntN(60)), func(words ...string) string { return words[rng.IntN(len(words))] }
	switch rng.IntN(16) {
	case 0, 1, 2:
		return []string{"hset", key, f, "1", g, "2"}
	case 3:
		return []string{"hdel", key, f, g}
	case 4, 5:
		return []string{"hpexpire", key, ms, "fields", "2", f, g}
	case 6:
		return []string{"hpexpire", key, ms, pick("nx", "xx", "gt", "lt"), "fields", "2", f, g}
	case 7:
		return []string{"hpersist", key, "fields", "2", f, g}
	case 8:
		return []string{"hgetex", key, pick("px", "ex"), ms, "fields", "2", f, g}
	case 9:
		return []string{"hgetex", key, "persist", "fields", "1", f}
	case 10:
		return []string{"hsetex", key, pick("fnx", "fxx"), pick("px", "ex"), ms, "fields", "2", f, "3", g, "4"}
	case 11:
		return []string{"hsetex", key, "keepttl", "fields", "1", f, "5"}
	case 12:
		return []string{"hgetdel", key, "fields", "1", f}
	case 13:
		return []string{pick("hincrby", "hincrbyfloat", "hsetnx"), key, f, "1"}
	case 14:
		return []string{pick("hgetall", "hlen", "hrandfield"), key}
	}
	return []string{pick("hget", "hexists", "hstrlen"), key, f}
}

// A replica fed by the log has what its master has, fields' times included, whatever expires.
func TestFieldExpiryReachesReplicas(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 21))
		master, replica := newTestEnv(t), newTestEnv(t)
		replica.node.replica = true
		if seed%2 == 1 {
			master.do("config", "set", "hash-max-listpack-entries", "0")
		}
		for i := range 3000 {
			master.now += int64(rng.IntN(4))
			replica.now = master.now + 1000 // its clock does not matter
			args := randomHashCommand(rng)
			master.do(args...)
			if rng.IntN(10) == 0 {
				master.ExpireSweep(0, master.now, 3)
			}
			for _, line := range master.effectList() {
				replica.apply(line...)
			}
			if a, b := hashContents(master), hashContents(replica); !maps.Equal(a, b) {
				t.Fatalf("seed %d, command %d, %q:\nmaster  %v\nreplica %v", seed, i, args, a, b)
			}
			for _, e := range []*testEnv{master, replica} {
				if err := e.Store.Check(); err != nil {
					t.Fatalf("seed %d, command %d, %q: %v", seed, i, args, err)
				}
			}
		}
		if master.Store.Digest() != replica.Store.Digest() {
			t.Error("the digests differ")
		}
	}
}
