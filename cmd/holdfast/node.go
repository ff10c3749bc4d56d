package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/node"
	"holdfast/node/config"
	"holdfast/transport"
)

// leaveTimeout bounds how long a node that was told to stop waits to be let go by its group.
const leaveTimeout = 10 * time.Second

func nodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "node [FILE]",
		Short: "Run a data node",
		Long: `Run a data node. FILE is a configuration in the form of redis.conf; every directive is
also a flag of that name, and a flag wins over the file.

Without --join the node is a standalone server. With --join it belongs to a group: it finds
the sentinels through the addresses given (the gossip address of any member) and takes the
place in the chain that they give it. In a group the log is kept on disk unless appendonly
says no, so that a node that comes back needs only what it has missed.`,
		Example: `  holdfast node --port 6380
  holdfast node /etc/holdfast.conf --port 6380 --dir /var/lib/holdfast
  holdfast node --port 6379 --join 10.0.0.1:46379,10.0.0.2:46379 --announce-ip 10.0.0.5`,
		Args: cobra.MaximumNArgs(1),
	}
	values := directiveFlags(c.Flags())
	all := c.Flags().Bool("directives", false, "list all directives of redis.conf, each of which is also a flag, and end")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *all {
			return printDirectives(c.OutOrStdout())
		}
		settings, err := settingsOf(args, c.Flags(), values)
		if err != nil {
			return err
		}
		file := ""
		if len(args) == 1 {
			file = args[0]
		}
		return runNode(c.Context(), settings, file)
	}
	return c
}

// usual are the directives that the help lists; the others are flags as well.
var usual = map[string]bool{
	"port": true, "bind": true, "dir": true, "join": true, "group": true, "node-name": true, "ack-mode": true, "replica-read": true,
	"gossip-port": true, "gossip-key": true, "announce-ip": true, "announce-port": true,
	"requirepass": true, "masterauth": true, "sentinel-auth-pass": true, "protected-mode": true,
	"save": true, "appendonly": true, "appendfsync": true, "replicaof": true, "databases": true, "maxclients": true, "repl-backlog-size": true, "loglevel": true,
}

func printDirectives(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range config.Directives() {
		if !d.Is(config.Hidden) {
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", d.Name, d.Default, d.Help)
		}
	}
	return t.Flush()
}

// directiveFlags makes a flag of every directive.
func directiveFlags(flags *pflag.FlagSet) map[string]*string {
	values := map[string]*string{}
	for _, d := range config.Directives() {
		if d.Is(config.Hidden) {
			continue
		}
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			values[name] = flags.String(name, d.Default, d.Help)
			flags.Lookup(name).Hidden = !usual[name]
		}
	}
	flags.SortFlags = true
	return values
}

// settingsOf reads the settings; in a group the log is kept on disk unless they say otherwise.
func settingsOf(args []string, flags *pflag.FlagSet, values map[string]*string) (*config.Config, error) {
	settings := config.Default()
	err := readSettings(settings, args, flags, values)
	if err != nil || len(settings.Join()) == 0 {
		return settings, err
	}
	settings = config.Default()
	if err := settings.Set("appendonly", []string{"yes"}); err != nil {
		return nil, err
	}
	return settings, readSettings(settings, args, flags, values)
}

// readSettings takes the file first and the flags after it.
func readSettings(settings *config.Config, args []string, flags *pflag.FlagSet, values map[string]*string) error {
	if len(args) == 1 {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("reading the configuration: %w", err)
		}
		err = settings.ParseFile(args[0], f, configFiles())
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if v, ok := values[f.Name]; ok && err == nil {
			if e := settings.Set(f.Name, words(f.Name, *v)); e != nil {
				err = fmt.Errorf("--%s %s: %w", f.Name, *v, e)
			}
		}
	})
	return err
}

// words splits a flag's value as a line of the file is split; addresses may have commas between them as well.
func words(directive, value string) []string {
	if directive == "join" {
		value = strings.ReplaceAll(value, ",", " ")
	}
	return strings.Fields(value)
}

// configFiles opens what include directives name.
func configFiles() config.Files {
	return config.Files{
		Open: func(path string) (io.ReadCloser, error) { return os.Open(path) },
		Glob: filepath.Glob,
	}
}

// runNode runs a node until it is told to stop. A node of a group leaves it first, so that nobody notices.
func runNode(ctx context.Context, settings *config.Config, file string) error {
	logger := newLogger(os.Stderr, settings.Text("loglevel"))
	limitProcessors()
	limitGarbage()
	dir, err := os.OpenRoot(settings.Dir())
	if err != nil {
		return fmt.Errorf("the directory for data cannot be opened: %w; set --dir to one that exists", err)
	}
	release := func() error { return nil }
	if settings.AppendOnly() {
		if release, err = lockDir(dir); err != nil {
			return errors.Join(fmt.Errorf("the directory %s: %w", settings.Dir(), err), dir.Close())
		}
	}
	yield, err := newYield()
	if err != nil {
		return errors.Join(fmt.Errorf("making a pipe: %w", err), dir.Close())
	}
	n, err := node.New(node.Config{
		Settings: settings, Network: transport.Host{}, Logger: logger, Version: version, Dir: dir, Yield: yield, Process: thisProcess(file),
	})
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	if err := n.Start(); err != nil {
		return errors.Join(err, dir.Close())
	}
	select {
	case <-ctx.Done():
		leave(n, logger)
		if err := n.SaveAtEnd(); err != nil {
			logger.Error("ending without a last save", "err", err)
		}
	case <-n.Exit():
	}
	return errors.Join(n.Close(), release(), dir.Close())
}

func leave(n *node.Node, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := n.Leave(ctx); err != nil {
		logger.Warn("stopping without having been let go; the sentinels will notice", "err", err)
	}
}
