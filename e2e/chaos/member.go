package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/internal/process"
	"holdfast/membership"
)

const (
	nodePort     = 6379
	sentinelPort = 26379
	raftPort     = sentinelPort + 1000
	gossipPort   = sentinelPort + 2000
	nodeGossip   = nodePort + 10000
	groupName    = "mymaster"
)

// member is one process of the group. In its directory are its log and, in data, what it keeps.
type member struct {
	name     string
	host     int
	ip       string
	sentinel bool
	args     func(h *hosts, data string, moved int) ([]string, error) // also writes what configuration it needs
	clock    time.Duration                                            // its monotonic clock is ahead of the machine's
	dir      string
	process  *process.Process // the last one; nil before the first, and for a container
	ended    <-chan struct{}  // closed when it has ended

	container string // of the compose cluster; then there is no process or directory of ours
}

// layout says what runs where.
func layout(o options, h *hosts) ([]*member, error) {
	var all []*member
	for i := range 3 {
		node := &member{name: fmt.Sprintf("node%d", i+1), host: i, ip: h.ip(i)}
		watch := &member{name: fmt.Sprintf("sentinel%d", i+1), host: i, ip: h.ip(i), sentinel: true}
		switch o.target {
		case "holdfast":
			binary, err := filepath.Abs(o.binary)
			if err != nil {
				return nil, err
			}
			key, err := groupKey(o.dir)
			if err != nil {
				return nil, err
			}
			node.args, watch.args = holdfastNode(binary, key, i), holdfastSentinel(binary, key, i, o.downAfter)
		case "redis":
			node.args, watch.args = redisNode(i), redisSentinel(i, o.downAfter)
		default:
			return nil, fmt.Errorf("there is no target %q: choose holdfast or redis", o.target)
		}
		for _, m := range []*member{node, watch} {
			m.dir = filepath.Join(o.dir, m.name)
			all = append(all, m)
		}
	}
	return all, nil
}

// seeds are the sentinels' addresses in the gossip, after all have moved that many times.
func seeds(h *hosts, separator string, moved int) string {
	var all []string
	for i := range h.n {
		all = append(all, fmt.Sprintf("%s:%d", h.ip(i), gossipPort+moved))
	}
	return strings.Join(all, separator)
}

// groupKey keeps a new group-key in a file, unless one is there.
func groupKey(dir string) (file string, err error) {
	file, err = filepath.Abs(filepath.Join(dir, "group-key"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return file, writeOnce(file, membership.NewKey()+"\n")
}

func holdfastNode(binary, key string, i int) func(*hosts, string, int) ([]string, error) {
	return func(h *hosts, data string, moved int) ([]string, error) {
		return []string{binary, "node", "--port", strconv.Itoa(nodePort + moved), "--gossip-port",
			strconv.Itoa(nodeGossip + moved), "--bind", h.ip(i),
			"--announce-ip", h.ip(i), "--dir", data, "--protected-mode", "no", "--enable-debug-command", "yes",
			"--busy-reply-threshold", "100",
			"--group-key-file", key, "--join", seeds(h, " ", moved)}, nil
	}
}

func holdfastSentinel(binary, key string, i int, downAfter time.Duration) func(*hosts, string, int) ([]string, error) {
	return func(h *hosts, data string, moved int) ([]string, error) {
		return []string{binary, "sentinel", "--port", strconv.Itoa(sentinelPort), "--raft-port",
			strconv.Itoa(raftPort + moved),
			"--gossip-port", strconv.Itoa(gossipPort + moved), "--bind", h.ip(i), "--announce-ip", h.ip(i), "--dir",
			data,
			"--down-after-milliseconds", strconv.FormatInt(downAfter.Milliseconds(), 10), "--group-key-file", key,
			"--join", seeds(h, ",", moved)}, nil
	}
}

// Redis's programs rewrite their configuration, to keep their role over a restart: it is written once.
func writeOnce(file, text string) error {
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

func redisNode(i int) func(*hosts, string, int) ([]string, error) {
	return func(h *hosts, data string, _ int) ([]string, error) {
		file := filepath.Join(data, "redis.conf")
		text := fmt.Sprintf("port %d\nbind %s\ndir %s\nprotected-mode no\nsave \"\"\nappendonly "+
			"yes\nrepl-backlog-size 64mb\nenable-debug-command yes\n", nodePort, h.ip(i), data)
		if i > 0 {
			text += fmt.Sprintf("replicaof %s %d\n", h.ip(0), nodePort)
		}
		return []string{"redis-server", file}, writeOnce(file, text)
	}
}

func redisSentinel(i int, downAfter time.Duration) func(*hosts, string, int) ([]string, error) {
	return func(h *hosts, data string, _ int) ([]string, error) {
		file := filepath.Join(data, "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind %s\ndir %s\nprotected-mode no\nsentinel monitor %s %s %d 2\nsentinel "+
			"down-after-milliseconds %s %d\nsentinel failover-timeout %s 10000\n",
			sentinelPort, h.ip(i), data, groupName, h.ip(0), nodePort, groupName, downAfter.Milliseconds(), groupName)
		return []string{"redis-sentinel", file}, writeOnce(file, text)
	}
}

// launch starts a member's process in its host's namespace. It ends with this process, whatever way that goes.
func (g *group) launch(m *member) error {
	if m.container != "" {
		return m.startContainer()
	}
	data := m.data()
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	args, err := m.args(g.hosts, data, int(g.moved.Load()))
	if err != nil {
		return err
	}
	if s := strconv.Itoa(int(m.clock.Seconds())); m.clock != 0 {
		args = append([]string{"unshare", "--time", "--monotonic", s, "--boottime", s}, args...)
	}
	m.process, err = process.Start(process.Options{
		Args: append([]string{"ip", "netns", "exec", g.hosts.namespace(m.host)}, args...), Log: m.logFile(),
		Attr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return err
	}
	m.ended = m.process.Ended()
	return nil
}

func (g *group) launchAll(list []*member) error {
	for _, m := range list {
		if err := g.launch(m); err != nil {
			return err
		}
	}
	return nil
}

// data is where the member keeps what is to outlive it.
func (m *member) data() string { return filepath.Join(m.dir, "data") }

func (m *member) logFile() string { return filepath.Join(m.dir, "log") }

func (m *member) signal(s syscall.Signal) error {
	if m.container != "" {
		return m.signalContainer(s)
	}
	return m.process.Signal(s)
}

// kill ends the process as kill -9 does, and waits for it.
func (m *member) kill() error {
	err := m.signal(syscall.SIGKILL)
	<-m.ended
	return err
}

// end ends the process if it runs.
func (m *member) end() {
	if m.process != nil {
		_ = m.signal(syscall.SIGKILL)
		<-m.ended
	}
}

// note adds a line to the member's log.
func (m *member) note(line string) {
	if m.container != "" {
		return
	}
	if log, err := process.OpenLog(m.logFile()); err == nil {
		fmt.Fprint(log, line)
		_ = log.Close()
	}
}
