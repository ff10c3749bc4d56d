package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/node"
	"holdfast/node/config"
	"holdfast/transport"
)

// leaveMargin is for how much longer than shutdown-timeout a node that was told to stop waits to be let go by its
// group: a script that keeps it from being let go may take all of that.
const leaveMargin = 2 * time.Second

func nodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "node [FILE]",
		Short: "Run a data node",
		Long: `Run a data node. FILE is a configuration in the form of redis.conf; every directive is
also a flag of that name, and a flag wins over the file. FILE comes first; "-" is the standard
input. Flags are read as redis-server reads them: --save 900 1 --requirepass "two words".

What asks for protection that there is not yet (rename-command, user, aclfile, tls-*) is refused,
unless ignore-unsupported says yes.

Without --join the node is a standalone server. With --join it belongs to a group: it finds
the sentinels through the addresses given (the gossip address of any member) and takes the
place in the chain that they give it. In a group the log is kept on disk unless appendonly
says no, so that a node that comes back needs only what it has missed.`,
		Example: `  holdfast node --port 6380
  holdfast node /etc/holdfast.conf --port 6380 --dir /var/lib/holdfast
  holdfast node --port 6379 --join 10.0.0.1:28379,10.0.0.2:28379 --announce-ip 10.0.0.5`,
	}
	c.DisableFlagParsing = true // joinValues comes first
	values := directiveFlags(c.Flags())
	values.secrets = secretDirectives(c.Flags())
	all := c.Flags().Bool("directives", false,
		"list all directives of redis.conf, each of which is also a flag, and end")
	c.RunE = func(c *cobra.Command, args []string) error {
		c.InitDefaultHelpFlag()
		if err := c.Flags().Parse(joinValues(args)); err != nil {
			return err
		}
		args = c.Flags().Args()
		switch help, _ := c.Flags().GetBool("help"); {
		case help:
			return c.Help()
		case *all:
			return printDirectives(c.OutOrStdout())
		case len(args) > 1:
			return fmt.Errorf("%q is neither a flag nor the value of one, and there is one configuration only, %s",
				args[1], args[0])
		}
		file, err := readConfiguration(args, c.InOrStdin())
		if err != nil {
			return err
		}
		settings, err := settingsOf(file, values, c.Flags())
		if err != nil {
			return err
		}
		return runNode(c.Context(), settings, file.name)
	}
	return c
}

// configuration is the file that a node is started with.
type configuration struct {
	name string // "" for none, or for what does not lie in a file
	text []byte
}

// readConfiguration reads the file that the arguments name; "-" is the standard input.
func readConfiguration(args []string, stdin io.Reader) (c configuration, err error) {
	switch {
	case len(args) == 0:
		return c, nil
	case args[0] == "-":
		c.text, err = io.ReadAll(stdin)
	default:
		c.name = args[0]
		c.text, err = os.ReadFile(c.name)
	}
	if err != nil {
		err = fmt.Errorf("reading the configuration: %w", err)
	}
	return c, err
}

// settingsOf makes the settings; in a group the log is kept on disk unless they say otherwise.
func settingsOf(file configuration, given *directives, flags *pflag.FlagSet) (*config.Config, error) {
	settings := config.Default()
	err := readSettings(settings, file, given, flags)
	if err == nil && len(settings.Join()) > 0 {
		settings = config.Default()
		if err := settings.Set("appendonly", []string{"yes"}); err != nil {
			return nil, err
		}
		err = readSettings(settings, file, given, flags)
	}
	if err == nil {
		err = settings.Check()
	}
	if err == nil && settings.Port() == 0 {
		err = errors.New("with port 0 nobody could reach the node, as it does not listen on Unix sockets; choose a " +
			"port, and a bind address that is not public")
	}
	return settings, err
}

// readSettings takes the file first, the flags after it, and then what secrets are told otherwise.
func readSettings(settings *config.Config, file configuration, given *directives, flags *pflag.FlagSet) error {
	name := file.name
	if name == "" {
		name = "(standard input)"
	}
	if err := settings.ParseFile(name, bytes.NewReader(file.text), configFiles()); err != nil {
		return err
	}
	if err := given.apply(settings); err != nil {
		return err
	}
	var all error
	for _, s := range given.secrets {
		value, told, err := s.read(flags)
		if err == nil && told && !flags.Changed(s.flag) {
			err = settings.Set(s.flag, []string{value})
		}
		all = errors.Join(all, err)
	}
	return all
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
	for _, line := range settings.Unsupported() {
		logger.Warn("starting without what the settings ask for, as ignore-unsupported says", "setting", line)
	}
	if names := settings.InertNames(); len(names) > 0 {
		logger.Info("settings that change nothing here", "directives", strings.Join(names, " "))
	}
	limitProcessors()
	limitGarbage()
	dir, err := os.OpenRoot(settings.Dir())
	if err != nil {
		return fmt.Errorf("the directory for data cannot be opened: %w; set --dir to one that exists", err)
	}
	release, lockName, err := lockDir(dir) // also without a log: it may be switched on, and there is dump.rdb
	if err != nil {
		return errors.Join(fmt.Errorf("the directory %s: %w", settings.Dir(), err), dir.Close())
	}
	yield, err := newYield()
	if err != nil {
		return errors.Join(fmt.Errorf("making a pipe: %w", err), dir.Close())
	}
	n, err := node.New(node.Config{
		Settings: settings, Network: transport.Patient{Network: transport.Host{}, Logger: logger}, Logger: logger,
		Version: version, Dir: dir, Yield: yield,
		Process: thisProcess(file), Lock: lockName,
	})
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	stop := context.AfterFunc(ctx, n.Interrupt)
	defer stop()
	switch err := n.Start(); {
	case errors.Is(err, node.ErrInterrupted):
		logger.Info("ended while loading; what is on disk is as it was")
		return errors.Join(release(), dir.Close())
	case err != nil:
		return errors.Join(err, dir.Close())
	}
	select {
	case <-ctx.Done():
		leave(n, settings.ShutdownTimeout()+leaveMargin, logger)
		if err := n.SaveAtEnd(interrupted(ctx)); err != nil {
			logger.Error("ending without a last save", "err", err)
		}
	case <-n.Exit():
	}
	return errors.Join(n.Close(), release(), dir.Close())
}

// interrupted tells SIGINT from SIGTERM, which end the context that signal.NotifyContext made.
func interrupted(ctx context.Context) bool {
	return strings.HasPrefix(context.Cause(ctx).Error(), os.Interrupt.String())
}

func leave(n *node.Node, within time.Duration, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := n.Leave(ctx); err != nil {
		logger.Warn("stopping without having been let go; the sentinels will notice", "err", err)
	}
}
