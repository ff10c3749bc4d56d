package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	nodePort     = 6379
	sentinelPort = 26379
	groupName    = "mymaster"
	startTimeout = 3 * time.Minute // Redis Sentinel may take two failover timeouts to set all replicas right
)

// member is one process of the group.
type member struct {
	name     string
	host     int
	sentinel bool
	args     func(h *hosts, dir string) ([]string, error) // also writes what configuration it needs
	cmd      *exec.Cmd
	ended    chan struct{}
}

// layout says what runs where.
func layout(o options) ([]*member, error) {
	var all []*member
	for i := range 3 {
		node := &member{name: fmt.Sprintf("node%d", i+1), host: i}
		watch := &member{name: fmt.Sprintf("sentinel%d", i+1), host: i, sentinel: true}
		switch o.target {
		case "holdfast":
			binary, err := filepath.Abs(o.binary)
			if err != nil {
				return nil, err
			}
			node.args, watch.args = holdfastNode(binary, i), holdfastSentinel(binary, i)
		case "redis":
			node.args, watch.args = redisNode(i), redisSentinel(i)
		default:
			return nil, fmt.Errorf("there is no target %q: choose holdfast or redis", o.target)
		}
		all = append(all, node, watch)
	}
	return all, nil
}

func seeds(h *hosts, separator string) string {
	var all []string
	for i := range h.n {
		all = append(all, fmt.Sprintf("%s:%d", h.ip(i), sentinelPort+20000))
	}
	return strings.Join(all, separator)
}

func holdfastNode(binary string, i int) func(*hosts, string) ([]string, error) {
	return func(h *hosts, dir string) ([]string, error) {
		return []string{binary, "node", "--port", strconv.Itoa(nodePort), "--bind", h.ip(i), "--announce-ip", h.ip(i), "--dir", dir,
			"--protected-mode", "no", "--join", seeds(h, " ")}, nil
	}
}

func holdfastSentinel(binary string, i int) func(*hosts, string) ([]string, error) {
	return func(h *hosts, dir string) ([]string, error) {
		return []string{binary, "sentinel", "--port", strconv.Itoa(sentinelPort), "--bind", h.ip(i), "--announce-ip", h.ip(i), "--dir", dir,
			"--down-after-milliseconds", "1000", "--join", seeds(h, ",")}, nil
	}
}

func redisNode(i int) func(*hosts, string) ([]string, error) {
	return func(h *hosts, dir string) ([]string, error) {
		// Sentinel rewrites the file to keep the role over a restart.
		file := filepath.Join(dir, "redis.conf")
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			text := fmt.Sprintf("port %d\nbind %s\ndir %s\nprotected-mode no\nsave \"\"\nappendonly yes\nrepl-backlog-size 64mb\n", nodePort, h.ip(i), dir)
			if i > 0 {
				text += fmt.Sprintf("replicaof %s %d\n", h.ip(0), nodePort)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
		return []string{"redis-server", file}, nil
	}
}

func redisSentinel(i int) func(*hosts, string) ([]string, error) {
	return func(h *hosts, dir string) ([]string, error) {
		file := filepath.Join(dir, "sentinel.conf")
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			text := fmt.Sprintf("port %d\nbind %s\ndir %s\nprotected-mode no\nsentinel monitor %s %s %d 2\nsentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 10000\n",
				sentinelPort, h.ip(i), dir, groupName, h.ip(0), nodePort, groupName, groupName)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
		return []string{"redis-sentinel", file}, nil
	}
}

// group is the system under test.
type group struct {
	options
	hosts   *hosts
	members []*member
}

func (g *group) start() error {
	for _, m := range g.members {
		if err := g.launch(m); err != nil {
			return err
		}
		if g.target == "redis" && m.name == "node1" {
			time.Sleep(300 * time.Millisecond) // the others replicate from it at once
		}
	}
	return nil
}

// launch starts a member's process in its host's namespace.
func (g *group) launch(m *member) error {
	dir := filepath.Join(g.dir, m.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	args, err := m.args(g.hosts, dir)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	m.cmd = exec.Command("ip", append([]string{"netns", "exec", g.hosts.namespace(m.host)}, args...)...)
	m.cmd.Stdout, m.cmd.Stderr = log, log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	m.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // how it ended is the fault's business
		close(ended)
	}(m.cmd, m.ended)
	return nil
}

// stop ends everything that runs.
func (g *group) stop() {
	for _, m := range g.members {
		if m.cmd != nil && m.cmd.Process != nil {
			_ = m.cmd.Process.Signal(syscall.SIGCONT)
			_ = m.cmd.Process.Kill()
			<-m.ended
		}
	}
}

func (g *group) sentinels() []string {
	var all []string
	for i := range g.hosts.n {
		all = append(all, fmt.Sprintf("%s:%d", g.hosts.ip(i), sentinelPort))
	}
	return all
}

func (g *group) nodeOn(host int) *member {
	for _, m := range g.members {
		if m.host == host && !m.sentinel {
			return m
		}
	}
	return nil
}

// healthy waits until all sentinels name the same master, it has two replicas that are up, and it takes a write.
func (g *group) healthy(ctx context.Context) (host int, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if host, err = g.master(ctx); err == nil {
			return host, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("the group did not become healthy: %w", err)
		}
	}
}

func (g *group) master(ctx context.Context) (int, error) {
	named := ""
	for _, addr := range g.sentinels() {
		s := redis.NewSentinelClient(&redis.Options{Addr: addr, DialTimeout: time.Second, MaxRetries: -1})
		at, err := s.GetMasterAddrByName(ctx, groupName).Result()
		_ = s.Close()
		if err != nil {
			return 0, fmt.Errorf("sentinel %s: %w", addr, err)
		}
		if named == "" {
			named = at[0]
		}
		if at[0] != named {
			return 0, fmt.Errorf("sentinels disagree: %s and %s", named, at[0])
		}
	}
	for host := range g.hosts.n {
		if g.hosts.ip(host) == named {
			return host, g.masterReady(ctx, host)
		}
	}
	return 0, fmt.Errorf("the master %s is none of ours", named)
}

func (g *group) masterReady(ctx context.Context, host int) error {
	for i := range g.hosts.n {
		c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("%s:%d", g.hosts.ip(i), nodePort), MaxRetries: -1})
		info, err := c.Info(ctx, "replication").Result()
		if err == nil && i == host {
			err = c.Set(ctx, "healthy", "1", 0).Err()
		}
		_ = c.Close()
		switch {
		case err != nil:
			return err
		case i == host && !strings.Contains(info, "role:master"):
			return errors.New("the master does not say it is one")
		case i != host && (!strings.Contains(info, "role:slave") || !strings.Contains(info, "master_link_status:up") || !strings.Contains(info, "master_host:"+g.hosts.ip(host))):
			return fmt.Errorf("%s is not a replica in step", g.hosts.ip(i))
		case g.target == "holdfast" && strings.Contains(info, "holdfast_chain_position:0"):
			return fmt.Errorf("%s is not in the chain yet", g.hosts.ip(i))
		}
	}
	return nil
}
