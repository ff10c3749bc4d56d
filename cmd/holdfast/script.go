package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/node"
	"holdfast/node/config"
	"holdfast/resp"
	"holdfast/transport"
)

// scriptRun runs one script and says what it did.
type scriptRun struct {
	host, password string
	port           int
	keys, args     []string
	dry            bool
}

func scriptCommand() *cobra.Command {
	c := &cobra.Command{Use: "script", Short: "Look at what Lua scripts do"}
	r := &scriptRun{}
	run := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a script against a node, and say how long each of its commands took",
		Long: `Run a Lua script against a node. What it answers is printed, and each redis.call and redis.pcall
with the line where it stands (none where its value is returned at once) and the microseconds it took.

With --dry nothing is kept: the script runs in this process, on a copy of the keys that it is told of.`,
		Example: "  holdfast script run release.lua --keys lock:1 --args token --dry",
		Args:    cobra.ExactArgs(1),
	}
	run.Flags().StringVar(&r.host, "host", "127.0.0.1", "where the node listens")
	run.Flags().IntVar(&r.port, "port", 6379, "its port")
	run.Flags().StringSliceVar(&r.keys, "keys", nil, "the script's KEYS")
	run.Flags().StringSliceVar(&r.args, "args", nil, "the script's ARGV")
	run.Flags().BoolVar(&r.dry, "dry", false, "run it on a copy of its keys")
	pass := secretFlag(run.Flags(), &r.password, "pass", "the node's password")
	run.PreRunE = func(c *cobra.Command, _ []string) error { return readSecrets(c.Flags(), pass) }
	run.RunE = func(c *cobra.Command, args []string) error {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("reading the script: %w", err)
		}
		return r.run(c.Context(), string(text), c.OutOrStdout())
	}
	c.AddCommand(run)
	return c
}

func (r *scriptRun) run(ctx context.Context, script string, out io.Writer) (err error) {
	client, err := resp.Dial(ctx, transport.Host{}, net.JoinHostPort(r.host, strconv.Itoa(r.port)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	if r.password != "" {
		if _, err := client.Do(ctx, "AUTH", r.password); err != nil {
			return err
		}
	}
	on := client
	if r.dry {
		copied, end, err := r.copyKeys(ctx, client)
		if err != nil {
			return err
		}
		defer end()
		on = copied
	}
	words := []any{"EVAL", traced(script), len(r.keys)}
	for _, word := range append(append([]string(nil), r.keys...), r.args...) {
		words = append(words, word)
	}
	v, err := on.Do(ctx, words...)
	if err != nil {
		return err
	}
	if len(v.Elems) != 3 {
		return fmt.Errorf("the node answers %s", v)
	}
	for _, call := range v.Elems[2].Elems {
		if len(call.Elems) == 3 {
			fmt.Fprintf(out, "%-20s %-12s %8s us\n", strings.TrimSuffix(call.Elems[0].String(), ": "),
				call.Elems[1], call.Elems[2])
		}
	}
	if v.Elems[0].Int == 0 {
		return errors.New("the script failed: " + v.Elems[1].String())
	}
	fmt.Fprintln(out, v.Elems[1])
	return nil
}

// traced is a script that runs another one, whose lines keep their numbers, and answers whether it went well, what it
// answered, and what it called.
func traced(script string) string {
	first := ""
	if strings.HasPrefix(script, "#!") {
		line, rest, _ := strings.Cut(script, "\n")
		first, script = line+"\n", rest
	}
	return first + `local calls, real = {}, redis ` +
		`local function timed(raises) return function(...) ` +
		`local _, where = pcall(error, '', 3) local at = os.clock() local v = real.pcall(...) ` +
		`calls[#calls + 1] = {where, tostring((...)), tostring(math.floor((os.clock() - at) * 1e6))} ` +
		`if raises and type(v) == 'table' and v.err then error(v, 0) end return v end end ` +
		`local redis = setmetatable({call = timed(true), pcall = timed(false)}, {__index = real}) ` +
		`local ok, answer = pcall(function() ` + script + "\nend) if answer == nil then answer = false end " +
		"return {ok and 1 or 0, answer, calls}"
}

// copyKeys makes a node in this process that has a copy of the keys, and connects to it.
func (r *scriptRun) copyKeys(ctx context.Context, from *resp.Client) (to *resp.Client, end func(), err error) {
	settings := config.Default()
	for name, value := range map[string]string{"bind": "127.0.0.1", "port": "0", "save": ""} {
		if err := settings.Set(name, []string{value}); err != nil {
			return nil, nil, err
		}
	}
	n, err := node.New(node.Config{Settings: settings, Network: transport.Host{},
		Logger: slog.New(slog.DiscardHandler), Version: version})
	if err != nil {
		return nil, nil, err
	}
	if err := n.Start(); err != nil {
		return nil, nil, err
	}
	end = func() {
		if to != nil {
			_ = to.Close()
		}
		_ = n.Close()
	}
	if to, err = resp.Dial(ctx, transport.Host{}, n.Addr()); err == nil {
		err = copyOver(ctx, from, to, r.keys)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return to, end, nil
}

func copyOver(ctx context.Context, from, to *resp.Client, keys []string) error {
	for _, key := range keys {
		payload, err := from.Do(ctx, "DUMP", key)
		if err != nil {
			return err
		}
		if payload.Null {
			continue
		}
		left, err := from.Do(ctx, "PTTL", key)
		if err != nil {
			return err
		}
		if _, err := to.Do(ctx, "RESTORE", key, max(left.Int, 0), payload.Str, "REPLACE"); err != nil {
			return err
		}
	}
	return nil
}
