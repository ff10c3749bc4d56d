package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// move ends all nodes and sentinels at once; they come back with their directories on other ports, all but the one
// where clients ask for the master.
func move(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	if g.target != "holdfast" {
		return nil, fmt.Errorf("members of %s find each other by their addresses, which are given", g.target)
	}
	for _, m := range g.members {
		if err := m.signal(syscall.SIGKILL); err != nil {
			return nil, err
		}
	}
	for _, m := range g.members {
		<-m.ended
	}
	g.moved.Add(1)
	return after(time.Second, func(ctx context.Context) error {
		if err := g.launchAll(g.members); err != nil {
			return err
		}
		_, err := g.healthy(ctx)
		return err
	}), nil
}

// wipeSentinel takes a sentinel's directory away. It is to be replaced by itself: all sentinels are three again, and
// know no other.
func wipeSentinel(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	m := g.sentinelOn(host)
	if err := m.kill(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(m.data()); err != nil {
		return nil, err
	}
	if err := g.launch(m); err != nil {
		return nil, err
	}
	return after(g.hold, g.quorumWhole), nil
}

// quorumWhole waits until each sentinel knows two others, and holds a majority for possible.
func (g *group) quorumWhole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := g.askQuorum(ctx)
		if err == nil {
			return nil
		}
		if sleep(ctx, retryPause) != nil {
			return fmt.Errorf("the sentinels did not become whole: %w", err)
		}
	}
}

func (g *group) askQuorum(ctx context.Context) error {
	for _, addr := range g.sentinels() {
		s := redis.NewSentinelClient(&redis.Options{Addr: addr, DialTimeout: time.Second, MaxRetries: -1})
		others, err := s.Sentinels(ctx, groupName).Result()
		if err == nil {
			err = s.CkQuorum(ctx, groupName).Err()
		}
		_ = s.Close()
		if err == nil && len(others) != len(g.sentinels())-1 {
			err = fmt.Errorf("it knows %d others", len(others))
		}
		if err != nil {
			return fmt.Errorf("sentinel %s: %w", addr, err)
		}
	}
	return nil
}

// twin starts another node on another host: with a copy of the node's directory, which has its name, or with its
// configuration, which has its address. The node is to keep its place.
func twin(ctx context.Context, g *group, host int) (func(context.Context) error, error) {
	if g.target != "holdfast" {
		return nil, fmt.Errorf("a second %s with the same address is the operator's affair", g.target)
	}
	of, other := g.nodeOn(host), (host+1)%len(g.nodes())
	t := &member{name: of.name + "-twin", host: other, ip: g.hosts.ip(other),
		dir: filepath.Join(g.dir, of.name+"-twin")}
	copied := g.rng.IntN(2) == 0
	t.args = func(h *hosts, data string, moved int) ([]string, error) {
		args, err := of.args(h, data, moved)
		if err != nil {
			return nil, err
		}
		announced := []string{"--announce-ip", t.ip}
		if !copied {
			announced = []string{"--announce-ip", of.ip, "--announce-port", strconv.Itoa(nodePort + moved)}
		}
		return append(args, append(announced, "--bind", t.ip, "--port", strconv.Itoa(twinPort), "--gossip-port",
			strconv.Itoa(twinPort+1))...), nil
	}
	if err := os.RemoveAll(t.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return nil, err
	}
	if copied {
		if err := copyDir(t.data(), of.data()); err != nil {
			return nil, err
		}
	}
	return after(g.hold, func(context.Context) error { t.end(); return nil }), g.launch(t)
}

// copyDir copies a directory that is being written to: the copy need not be whole, but a file that was removed
// meanwhile ends it.
func copyDir(to, from string) (err error) {
	for range copyTries {
		if err = errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

const copyTries = 5

// twinPort is where twins listen, far from where anybody moves.
const twinPort = 7379
