package command

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestManyNames names sets again and again, beside absent and expired ones, and compares with what maps make of the
// same.
func TestManyNames(t *testing.T) {
	for seed := range uint64(36) {
		e := newTestEnv(t)
		rng := rand.New(rand.NewPCG(seed, 1))
		model := map[string]map[string]float64{}
		most := []int{3, 6, 400}[seed%3] // members there are
		for k := range 12 {
			key := "key:" + strconv.Itoa(k)
			if k == 11 || rng.IntN(5) == 0 {
				continue // absent
			}
			members := map[string]float64{}
			for range 1 + rng.IntN(3*most) {
				m := "m" + strconv.Itoa(rng.IntN(most))
				if rng.IntN(3) == 0 {
					m = strconv.Itoa(rng.IntN(most))
				}
				members[m] = 1
				e.do("sadd", "s"+key, m)
				e.do("zadd", "z"+key, "1", m)
			}
			model[key] = members
			if rng.IntN(6) == 0 {
				e.do("pexpire", "s"+key, "10")
				e.do("pexpire", "z"+key, "10")
				delete(model, key)
			}
		}
		e.now += 100
		var names []string
		for range []int{1, 5, 17, 200}[rng.IntN(4)] {
			names = append(names, "key:"+strconv.Itoa(rng.IntN(12)))
		}
		if rng.IntN(2) == 0 { // without the absent ones
			names = slices.DeleteFunc(names, func(name string) bool { return model[name] == nil })
			names = append(names, slices.Collect(maps.Keys(model))...)
			if len(names) == 0 {
				continue
			}
		}
		union, inter, diff := map[string]float64{}, map[string]float64{}, maps.Clone(model[names[0]])
		for i, name := range names {
			for m := range model[name] {
				union[m]++
				if i > 0 {
					delete(diff, m)
				}
			}
		}
		for m, n := range union {
			if int(n) == len(names) {
				inter[m] = n
			}
		}
		prefixed := func(prefix string) (keys []string) {
			for _, name := range names {
				keys = append(keys, prefix+name)
			}
			return keys
		}
		count := strconv.Itoa(len(names))
		for _, test := range []struct {
			command string
			scores  bool
			want    map[string]float64
		}{
			{"sunion", false, union}, {"sinter", false, inter}, {"sdiff", false, diff},
			{"zunion " + count, true, union}, {"zinter " + count, true, inter}, {"zdiff " + count, false, diff},
		} {
			words := append(strings.Fields(test.command), prefixed(test.command[:1])...)
			if test.scores {
				words = append(words, "withscores")
			}
			var want []string
			for m, score := range test.want {
				if want = append(want, fmt.Sprintf("%q", m)); test.scores {
					want[len(want)-1] += fmt.Sprintf(` "%g"`, score)
				}
			}
			got := strings.Fields(strings.Trim(e.do(words...), "[]"))
			if test.scores {
				for i := range len(got) / 2 {
					got[i] = got[2*i] + " " + got[2*i+1]
				}
				got = got[:len(got)/2]
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s is %q, want %q", seed, strings.Join(words, " "), got, want)
			}
		}
		if got := e.do(append([]string{"sintercard", count}, prefixed("s")...)...); got != ":"+
			strconv.Itoa(len(inter)) {
			t.Fatalf("seed %d: sintercard is %s, want %d", seed, got, len(inter))
		}
		if err := e.Store.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
