package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func sentinelRemoveCommand() *cobra.Command {
	var s sentinelFlags
	var force bool
	c := &cobra.Command{
		Use:   "sentinel-remove SENTINEL",
		Short: "Remove a sentinel for good: the others count their majority without it, and it stops",
		Long: `Remove a sentinel for good. SENTINEL is its id, or the beginning of it, or its HOST:PORT as
holdfast status shows it. The others count their majority without it from then on; if it still runs it stops, and
does not start again with the same --dir. A new sentinel needs no command: start it, and it gets a vote.`,
		Example: "  holdfast sentinel-remove 10.0.0.4:26379",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), s.timeout)
			defer cancel()
			words := []any{"HOLDFAST", "SENTINEL-REMOVE", args[0]}
			if force {
				words = append(words, "FORCE")
			}
			for {
				_, err := s.ask(ctx, words...)
				if err == nil {
					_, err = fmt.Fprintf(c.OutOrStdout(), "removed %s\n", args[0])
					return err
				}
				// The one to remove leads the others, and another is about to: once it does it is asked.
				if text := err.Error(); !strings.HasPrefix(text, "TRYAGAIN ") && !strings.HasPrefix(text, "NOQUORUM ") {
					return err
				}
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
					return err
				}
			}
		},
	}
	s.register(c, 10*time.Second)
	c.Flags().BoolVar(&force, "force", false,
		"also when too few of the others answer; only if those that are silent will be back, or are dead for good")
	return c
}
