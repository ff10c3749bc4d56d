package up

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// TestRueidis uses rueidis as it comes: it caches on the client's side, and asks the sentinels for that as well.
func TestRueidis(t *testing.T) {
	g := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: g.Sentinels(),
		Sentinel: rueidis.SentinelOption{MasterSet: "mymaster"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: g.Sentinels()})
	defer other.Close()

	get := func() (value string, hit bool) {
		t.Helper()
		r := c.DoCache(ctx, c.B().Get().Key("k").Cache(), time.Minute)
		value, err := r.ToString()
		if err != nil {
			t.Fatal(err)
		}
		return value, r.IsCacheHit()
	}
	// caches expects that a value is asked for once, and that the cache learns of another's write.
	caches := func(value string) {
		t.Helper()
		if got, hit := get(); got != value || hit {
			t.Errorf("the first GET: %q, from the cache %v, want %q from the master", got, hit, value)
		}
		if got, hit := get(); got != value || !hit {
			t.Errorf("the second GET: %q, from the cache %v, want %q from there", got, hit, value)
		}
		changed := value + ", changed"
		if err := other.Set(ctx, "k", changed, 0).Err(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the cache to forget what another has changed", func() bool {
			got, _ := get()
			return got == changed
		})
		if got, hit := get(); got != changed || !hit {
			t.Errorf("the GET after that: %q, from the cache %v, want %q from there", got, hit, changed)
		}
	}

	if err := c.Do(ctx, c.B().Set().Key("k").Value("before").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	caches("before")
	if err := syscall.Kill(g.Pid(g.Port), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the same client to write again", func() bool {
		return c.Do(ctx, c.B().Set().Key("k").Value("after").Build()).Error() == nil
	})
	g.Wait(fmt.Sprintf(`\+switch-master mymaster 127\.0\.0\.1 %d `, g.Port))
	caches("after")
}
