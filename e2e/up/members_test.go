package up

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/servers"
)

// member is a node or a sentinel of its own, which up would start again too soon.
type member struct {
	*servers.Member
	t    *testing.T
	addr string
	join string
	c    *redis.Client
}

// newMember is a node or a sentinel of this machine that has not been started.
func newMember(t *testing.T, kind string, port int, join, password string) *member {
	t.Helper()
	m := &member{t: t, join: join,
		Member: &servers.Member{Kind: kind, Path: servers.Binary(t), IP: "127.0.0.1", Port: port, Dir: t.TempDir()}}
	m.addr = m.Addr()
	m.c = redis.NewClient(&redis.Options{Addr: m.addr, Password: password, MaxRetries: -1})
	t.Cleanup(func() { _ = m.c.Close() })
	m.KillAtEnd(t)
	return m
}

func (m *member) start() {
	m.t.Helper()
	m.Start(m.t, m.join)
}

// startMembers starts three sentinels, and three nodes that get these directives as well.
func startMembers(t *testing.T, downAfter time.Duration, directives ...string) (sentinels, nodes []*member) {
	t.Helper()
	return startMembersWith(t, downAfter, secrets{}, directives...)
}

// secrets are what members are told by their environment; an empty one is not.
type secrets struct{ groupKey, password, sentinelsPassword string }

func startMembersWith(t *testing.T, downAfter time.Duration, s secrets, directives ...string) (sentinels,
	nodes []*member) {
	t.Helper()
	redis.SetLogger(quiet{})
	port, sentry := freePorts(t, 3, 10000), freePorts(t, 13, 1000, 2000)+10
	var seeds []string
	for i := range 3 {
		seeds = append(seeds, fmt.Sprintf("127.0.0.1:%d", sentry+i+2000))
	}
	join := strings.Join(seeds, ",")
	start := func(kind string, port int, password string, args ...string) *member {
		m := newMember(t, kind, port, join, password)
		m.Args = args
		if s.groupKey != "" {
			m.Env = append(m.Env, "HOLDFAST_GROUP_KEY="+s.groupKey)
		}
		if password != "" {
			m.Env = append(m.Env, "HOLDFAST_REQUIREPASS="+password)
		}
		m.start()
		return m
	}
	for i := range 3 {
		sentinels = append(sentinels, start("sentinel", sentry+i, s.sentinelsPassword, "--bootstrap-expect", "3",
			"--quorum", "2", "--down-after-milliseconds", fmt.Sprint(downAfter.Milliseconds())))
	}
	for i := range 3 {
		nodes = append(nodes, start("node", port+i, s.password, directives...))
	}
	return sentinels, nodes
}

func (m *member) signal(s syscall.Signal) {
	m.t.Helper()
	if err := m.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}

// pause returns once every thread has stopped: on a busy machine some go on for a while after SIGSTOP was sent.
func (m *member) pause() {
	m.t.Helper()
	m.signal(syscall.SIGSTOP)
	waitFor(m.t, "the threads of "+m.addr+" to stop", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", m.Pid()))
		if err != nil || len(threads) == 0 {
			m.t.Fatalf("no threads of %s in /proc: %v", m.addr, err)
		}
		for _, name := range threads {
			// The state comes after the name in brackets (proc_pid_stat(5)).
			stat, err := os.ReadFile(name)
			if err == nil && !bytes.Contains(stat, []byte(") T ")) {
				return false
			}
		}
		return true
	})
}

func (m *member) do(args ...any) any {
	m.t.Helper()
	v, err := m.c.Do(m.t.Context(), args...).Result()
	if err != nil {
		m.t.Fatalf("%s: %v: %v", m.addr, args, err)
	}
	return v
}

// info is a field of INFO; "" where there is none, or no answer.
func (m *member) info(field string) string {
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Second)
	defer cancel()
	text, _ := m.c.Info(ctx).Result()
	_, value, _ := strings.Cut(text, "\r\n"+field+":")
	value, _, _ = strings.Cut(value, "\r\n")
	return value
}

// count is info of a field that is a number.
func (m *member) count(field string) int64 {
	m.t.Helper()
	n, err := strconv.ParseInt(m.info(field), 10, 64)
	if err != nil {
		m.t.Fatalf("%s: %s: %v", m.addr, field, err)
	}
	return n
}

// chain waits until these members are the whole chain, and answers them in its order.
func chain(t *testing.T, members ...*member) []*member {
	t.Helper()
	var told []string
	for end := time.Now().Add(2 * readyTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		order, behind := make([]*member, len(members)), 0
		told = nil
		for _, m := range members {
			place, _ := strconv.Atoi(m.info("holdfast_chain_position"))
			up := m.info("role") == "master" || m.info("master_link_status") == "up"
			told = append(told, fmt.Sprint(m.addr, " place ", place, " up ", up))
			if place < 1 || place > len(order) || order[place-1] != nil || !up || m.info("holdfast_lease") != "1" {
				break
			}
			order[place-1] = m
			behind++
		}
		if behind == len(members) && order[len(order)-1].info("connected_slaves") == "0" {
			return order
		}
	}
	t.Fatalf("this never was the whole chain: %v", told)
	return nil
}
