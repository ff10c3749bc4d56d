package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/resp"
	"holdfast/transport"
)

// upOptions are the flags of up.
type upOptions struct {
	nodes, sentinels   int
	port, sentinelPort int
	dir                string
	restartAfter       time.Duration
	downAfterMs        int64
}

func upCommand() *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a whole group on this machine",
		Long: `Run a whole group, nodes and sentinels, as child processes on consecutive ports of
127.0.0.1. Failovers are printed as they happen; a child that dies is started again. Kill one
and watch. Ctrl-C ends everything; on Linux a kill -9 of the parent does as well.`,
		Example: "  holdfast up\n  holdfast up --nodes 5 --port 7000 --restart-after 0",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			u := &up{upOptions: o, program: os.Args[0], out: c.OutOrStdout()}
			return u.run(c.Context())
		},
	}
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", 3, "number of data nodes")
	f.IntVar(&o.sentinels, "sentinels", 3, "number of sentinels")
	f.IntVar(&o.port, "port", 6379, "port of the first node")
	f.IntVar(&o.sentinelPort, "sentinel-port", 26379, "port of the first sentinel")
	f.StringVar(&o.dir, "dir", "holdfast-data", "directory for the members' data and logs")
	f.DurationVar(&o.restartAfter, "restart-after", 2*time.Second, "when a child that died is started again; 0: never")
	f.Int64Var(&o.downAfterMs, "down-after-milliseconds", 1000, "silence after which a node counts as down")
	return c
}

// up runs the children.
type up struct {
	upOptions
	program string // as it was called, for the lines that say what to type

	mu  sync.Mutex // guards out
	out io.Writer
}

// child is one member of the group.
type child struct {
	name string
	addr string
	args []string
	dir  string
}

// childStopTimeout bounds how long children may take to end.
const childStopTimeout = 15 * time.Second

func (u *up) run(ctx context.Context) error {
	if u.nodes < 1 || u.sentinels < 1 {
		return errors.New("up needs at least one node and one sentinel")
	}
	children, err := u.plan()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	// Sentinels outlive the nodes: a master that is told to stop hands over through them.
	nodesCtx, stopNodes := context.WithCancel(context.Background())
	sentinelsCtx, stopSentinels := context.WithCancel(context.Background())
	defer stopSentinels()
	defer stopNodes()
	var nodes, sentinels sync.WaitGroup
	for i, c := range children {
		group, ctx := &nodes, nodesCtx
		if i < u.sentinels {
			group, ctx = &sentinels, sentinelsCtx
		}
		group.Go(func() { u.keep(ctx, self, c) })
	}
	eventsCtx, stopEvents := context.WithCancel(ctx)
	defer stopEvents()
	var watching sync.WaitGroup
	watching.Go(func() { u.watch(eventsCtx) })
	<-ctx.Done()
	u.say("stopping")
	stopEvents()
	watching.Wait()
	stopNodes()
	nodes.Wait()
	stopSentinels()
	sentinels.Wait()
	return nil
}

// plan lays out the children, sentinels first, and names what is in the way before anything starts.
func (u *up) plan() ([]child, error) {
	var seeds []string
	for i := range u.sentinels {
		seeds = append(seeds, u.local(u.sentinelPort+i+gossipPortOffset))
	}
	join := strings.Join(seeds, ",")
	key := filepath.Join(u.dir, "group-key")
	var children []child
	var ports []int
	for i := range u.sentinels {
		port := u.sentinelPort + i
		ports = append(ports, port, port+raftPortOffset, port+gossipPortOffset)
		dir := filepath.Join(u.dir, "sentinel-"+strconv.Itoa(port))
		children = append(children, child{name: fmt.Sprintf("sentinel %d", i+1), addr: u.local(port), dir: dir,
			args: []string{
				"sentinel", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--announce-ip", "127.0.0.1", "--dir",
				dir,
				"--join", join,
				"--bootstrap-expect", strconv.Itoa(u.sentinels), "--quorum", strconv.Itoa(u.sentinels/2 + 1),
				"--down-after-milliseconds", strconv.FormatInt(u.downAfterMs, 10), "--group-key-file", key}})
	}
	for i := range u.nodes {
		port := u.port + i
		ports = append(ports, port, port+10000)
		dir := filepath.Join(u.dir, "node-"+strconv.Itoa(port))
		children = append(children, child{name: fmt.Sprintf("node %d", i+1), addr: u.local(port), dir: dir,
			args: []string{
				"node", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--announce-ip", "127.0.0.1", "--dir", dir,
				"--join", strings.Join(seeds, " "), "--gossip-port", strconv.Itoa(port + 10000), "--group-key-file",
				key}})
	}
	if err := portsFree(ports); err != nil {
		return nil, err
	}
	for _, c := range children {
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return nil, fmt.Errorf("the directory %s cannot be made: %w; choose another with --dir", c.dir, err)
		}
		probe, err := os.CreateTemp(c.dir, "probe-*")
		if err != nil {
			return nil, fmt.Errorf("the directory %s cannot be written: %w; choose another with --dir", c.dir, err)
		}
		if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
			return nil, err
		}
	}
	if _, err := makeGroupKey(key); err != nil {
		return nil, err
	}
	u.say("group-key: %s", key)
	return children, nil
}

// portWait is for the ports of what has just been killed.
const portWait = 2 * time.Second

func portsFree(ports []int) error {
	seen, end := map[int]bool{}, time.Now().Add(portWait)
	for _, p := range ports {
		if p > 65535 {
			return fmt.Errorf("port %d does not exist: choose lower --port and --sentinel-port", p)
		}
		if seen[p] {
			return fmt.Errorf("port %d would be used twice: move --port and --sentinel-port apart", p)
		}
		seen[p] = true
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		for errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond)
			l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		}
		if err != nil {
			whose := holder(p)
			if whose != "" {
				whose = " by " + whose
			}
			return fmt.Errorf("port %d is in use%s: %w; choose others with --port and --sentinel-port", p, whose, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (u *up) local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// say prints a line.
func (u *up) say(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintf(u.out, "%s  %s\n", time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// keep runs a child, and runs it again when it died, until ctx ends.
func (u *up) keep(ctx context.Context, self string, c child) {
	runtime.LockOSThread() // the kernel ends the child when the thread that started it ends
	for ctx.Err() == nil {
		err := u.runChild(ctx, self, c)
		if ctx.Err() != nil {
			return
		}
		u.say("%s at %s ended: %v; its log is %s", c.name, c.addr, err, logFile(c))
		if u.restartAfter <= 0 {
			return
		}
		select {
		case <-time.After(u.restartAfter):
		case <-ctx.Done():
		}
	}
}

func logFile(c child) string { return filepath.Join(c.dir, "log") }

// runChild runs a child to its end; when ctx ends it is asked to stop, and killed when it does not.
func (u *up) runChild(ctx context.Context, self string, c child) error {
	// Whoever tries what happens without a directory takes away the log's place, too.
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(logFile(c), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, self, c.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = childStopTimeout
	// In a group of its own, so that Ctrl-C reaches only the parent, which ends the children in order; a parent that is
	// killed takes them along.
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	u.say("%-10s  %s  pid %d", c.name, c.addr, cmd.Process.Pid)
	return cmd.Wait()
}

// watch says when the group is ready and prints its events from then on.
func (u *up) watch(ctx context.Context) {
	ready := false
	for ctx.Err() == nil {
		for i := range u.sentinels {
			addr := u.local(u.sentinelPort + i)
			if !ready {
				ready = u.waitReady(ctx, addr)
			}
			if ready {
				_ = u.follow(ctx, addr) // the sentinel may be among those killed; the next one tells
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// waitReady asks one sentinel whether all nodes are in the chain.
func (u *up) waitReady(ctx context.Context, addr string) bool {
	ask := sentinelFlags{addr: addr, timeout: time.Second}
	st, err := ask.status(ctx)
	if err != nil || len(st.Groups) == 0 || len(st.Groups[0].Chain) < u.nodes || st.Groups[0].Master == "" {
		return false
	}
	g := st.Groups[0]
	for _, m := range g.Chain {
		if !m.Lease {
			return false
		}
	}
	u.say("ready: master %s, %d in the chain, group %q", g.Chain[0].Addr, len(g.Chain), g.Name)
	_, port, _ := net.SplitHostPort(g.Chain[0].Addr)
	u.say("connect: redis-cli -p %s    or through the sentinels: Sentinel([('127.0.0.1', %d)]).master_for('%s')", port,
		u.sentinelPort, g.Name)
	u.say("look:    %s status --sentinel %s", u.program, addr)
	return true
}

// told are the events worth a line.
var told = map[string]bool{
	"+switch-master": true, "+sdown": true, "-sdown": true, "+odown": true, "-odown": true, "+slave": true,
	"+sentinel":          true,
	"+slave-reconf-done": true, "+new-epoch": true, "+failover-end": true, "+try-failover": true,
}

// follow prints the events of one sentinel until it is gone.
func (u *up) follow(ctx context.Context, addr string) error {
	client, err := resp.Dial(ctx, transport.Host{}, addr)
	if err != nil {
		return err
	}
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	if _, err := client.Do(ctx, "PSUBSCRIBE", "*"); err != nil {
		return err
	}
	for {
		v, err := client.Receive(ctx)
		if err != nil {
			return err
		}
		if len(v.Elems) == 4 && told[string(v.Elems[2].Str)] {
			u.say("event: %s %s", v.Elems[2].Str, v.Elems[3].Str)
		}
	}
}
