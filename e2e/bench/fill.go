package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"holdfast/resp"
)

// fillBatch is how many commands go out before replies are read.
const fillBatch = 500

// fill sends the commands number 0 to n-1 over one connection. None may answer an error.
func fill(ctx context.Context, addr string, n int, command func(i int) []string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var out []byte
	for at := 0; at < n; at += fillBatch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		out = out[:0]
		batch := min(fillBatch, n-at)
		for i := range batch {
			out = resp.AppendCommandStrings(out, command(at+i)...)
		}
		if err := conn.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
			return err
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
		for range batch {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			if line[0] == '$' { // of a short text, which follows
				if _, err := in.ReadString('\n'); err != nil {
					return err
				}
				continue
			}
			if line[0] != '+' && line[0] != ':' {
				return fmt.Errorf("filling: %s", strings.TrimSpace(line))
			}
		}
	}
	return nil
}
