package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/migrate"
	"holdfast/resp"
	"holdfast/transport"
)

// The exit codes of ping when a node or sentinel answers, but serves no client that comes now.
const (
	exitLoading = 3 // it is loading its data
	exitFull    = 4 // it has as many clients as it may have
)

// pingCommand is the health check of a container: an image from scratch has no other program.
func pingCommand() *cobra.Command {
	var host, password string
	var port int
	var alive bool
	c := &cobra.Command{
		Use:   "ping",
		Short: "Ask a node or sentinel whether it answers",
		Long: `Ask a node or sentinel whether it answers. The exit code is 0 when it does, 1 when it does not, 3
when it is alive and loading its data, and 4 when it is alive and has as many clients as maxclients
allows; the latter two say so, and how far it has loaded. A supervisor that ends what is not healthy
must not end a node for either: --alive makes them 0 as well.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
			defer cancel()
			client, err := resp.Dial(ctx, transport.Host{}, net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				return err
			}
			defer client.Close()
			text, code, err := ask(ctx, client, password)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), text)
			if code == 0 || alive {
				return nil
			}
			return exitError{code}
		},
	}
	c.Flags().StringVar(&host, "host", "127.0.0.1", "where it listens")
	c.Flags().IntVar(&port, "port", 6379, "its port")
	pass := secretFlag(c.Flags(), &password, "pass", "its password")
	c.PreRunE = func(c *cobra.Command, _ []string) error { return readSecrets(c.Flags(), pass) }
	c.Flags().BoolVar(&alive, "alive", false, "who is loading its data, or has all the clients it may have, is well")
	return c
}

// ask returns what is said to a ping, and the exit code that tells it.
func ask(ctx context.Context, client *resp.Client, password string) (text string, code int, err error) {
	if password != "" {
		_, err = client.Do(ctx, "AUTH", password)
	}
	var v resp.Value
	if err == nil {
		v, err = client.Do(ctx, "PING")
	}
	var reply resp.Error
	if errors.As(err, &reply) {
		switch {
		case reply.Code() == "LOADING":
			return "LOADING" + loadedSoFar(ctx, client), exitLoading, nil
		case reply == resp.ErrMaxClients:
			return "FULL: " + strings.TrimPrefix(string(reply), "ERR "), exitFull, nil
		}
	}
	return v.String(), 0, err
}

// loadedSoFar tells how far a node that loads is; "" when it does not say.
func loadedSoFar(ctx context.Context, client *resp.Client) string {
	var figures []string
	for _, name := range []string{"loading_loaded_perc", "loading_loaded_bytes", "loading_total_bytes",
		"loading_eta_seconds"} {
		text, err := migrate.Info(ctx, client, "persistence", name)
		if err != nil || text == "" {
			return ""
		}
		figures = append(figures, text)
	}
	return fmt.Sprintf(" %s %%: %s of %s bytes, about %s s left", strings.TrimSuffix(figures[0], "%"), figures[1],
		figures[2], figures[3])
}
