package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker for releases.
var version = "0.1.0"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		var silent exitError
		if errors.As(err, &silent) {
			os.Exit(silent.code)
		}
		fmt.Fprintln(os.Stderr, "holdfast:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	stop, err := profileCPU()
	if err != nil {
		return err
	}
	return errors.Join(root().ExecuteContext(ctx), stop())
}

// exitError ends the program with a code after everything was already said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "holdfast",
		Short: "A Redis-compatible data store whose failover loses nothing",
		Long: `Holdfast is a data-structure store that speaks Redis's protocol. Nodes pass every write
down a chain; a quorum of sentinels decides who is master and tells clients where it is.

Start a whole group on this machine and talk to it:

  holdfast up
  redis-cli -p 6379 set greeting hello`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	c.AddCommand(nodeCommand(), sentinelCommand(), upCommand(), statusCommand(), failoverCommand(),
		sentinelRemoveCommand(), pingCommand(), groupKeyCommand(), checkLogCommand(), checkRDBCommand(),
		importCommand(), scriptCommand(), versionCommand())
	c.CompletionOptions.HiddenDefaultCmd = true
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "holdfast", version)
			return err
		},
	}
}
