package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"holdfast/resp"
	"holdfast/transport"
)

// pingCommand is the health check of a container: an image from scratch has no other program.
func pingCommand() *cobra.Command {
	var host, password string
	var port int
	c := &cobra.Command{
		Use:   "ping",
		Short: "Ask a node or sentinel whether it answers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
			defer cancel()
			client, err := resp.Dial(ctx, transport.Host{}, net.JoinHostPort(host, strconv.Itoa(port)))
			if err != nil {
				return err
			}
			defer client.Close()
			if password != "" {
				if _, err := client.Do(ctx, "AUTH", password); err != nil {
					return err
				}
			}
			v, err := client.Do(ctx, "PING")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), v.String())
			return err
		},
	}
	c.Flags().StringVar(&host, "host", "127.0.0.1", "where it listens")
	c.Flags().IntVar(&port, "port", 6379, "its port")
	c.Flags().StringVar(&password, "pass", "", "its password")
	return c
}
