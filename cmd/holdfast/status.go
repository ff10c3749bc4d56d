package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/resp"
	"holdfast/sentinel"
	"holdfast/transport"
)

// sentinelFlags say which sentinel to ask.
type sentinelFlags struct {
	addr     string
	password string
	timeout  time.Duration
}

func (s *sentinelFlags) register(c *cobra.Command, timeout time.Duration) {
	c.Flags().StringVar(&s.addr, "sentinel", "127.0.0.1:26379", "any sentinel, HOST:PORT")
	pass := secretFlag(c.Flags(), &s.password, "pass", "the sentinels' password")
	c.PreRunE = func(c *cobra.Command, _ []string) error { return readSecrets(c.Flags(), pass) }
	c.Flags().DurationVar(&s.timeout, "timeout", timeout, "how long to wait for the answer")
}

// ask sends one command to the sentinel.
func (s *sentinelFlags) ask(ctx context.Context, args ...any) (resp.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, err := resp.Dial(ctx, transport.Host{}, s.addr)
	if err != nil {
		return resp.Value{}, fmt.Errorf("no sentinel answers at %s: %w; name another with --sentinel", s.addr, err)
	}
	defer client.Close()
	if s.password != "" {
		if _, err := client.Do(ctx, "AUTH", s.password); err != nil {
			return resp.Value{}, err
		}
	}
	return client.Do(ctx, args...)
}

func (s *sentinelFlags) status(ctx context.Context) (st sentinel.Status, err error) {
	v, err := s.ask(ctx, "HOLDFAST", "STATUS")
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(v.Str, &st); err != nil {
		return st, fmt.Errorf("the answer of %s cannot be read: %w", s.addr, err)
	}
	return st, nil
}

func statusCommand() *cobra.Command {
	var s sentinelFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the groups: epoch, chain, offsets, lag, leases; and the sentinels",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := s.status(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(st)
			}
			return printStatus(c.OutOrStdout(), st)
		},
	}
	s.register(c, 3*time.Second)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printStatus(w io.Writer, st sentinel.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !st.InTouch {
		fmt.Fprintln(t, "WARNING: this sentinel has lost touch with the quorum; what follows may be old")
	}
	for _, g := range st.Groups {
		fmt.Fprintf(t, "group %s, epoch %d, feature level %d, master %s, down-after %d ms\n", g.Name, g.Epoch,
			g.Level.OrBase(), orNone(g.Master), g.Settings.DownAfterMs)
		printHeld(t, g.Held)
		if g.Waits != "" {
			fmt.Fprintf(t, "WAITING: %s\n", g.Waits)
		}
		fmt.Fprintln(t, "  #\tnode\trole\toffset\tlag\tlease\tmemory\theard\tstate\t")
		for i, m := range g.Chain {
			printMember(t, fmt.Sprint(i+1), m, memberState(m))
		}
		for _, m := range g.Learners {
			state := memberState(m)
			if state == "ok" && m.Slow > 0 {
				state = "slow"
			}
			printMember(t, "-", m, state)
		}
		for _, m := range g.Others {
			printMember(t, "?", m, outsiderState(m, g.Settings.DownAfterMs))
		}
	}
	if len(st.Groups) == 0 {
		fmt.Fprintln(t, "no group yet: the sentinels have not begun, or no node has joined")
	}
	fmt.Fprintf(t, "sentinels, term %d, feature level %d, installation %s\n", st.Term, st.Level.OrBase(),
		orNone(st.Installation[:min(8, len(st.Installation))]))
	printHeld(t, st.Held)
	for _, s := range st.Sentinels {
		fmt.Fprintf(t, "  %s\t%s\t%s\t\n", s.Addr, s.ID[:min(8, len(s.ID))], sentinelState(s))
	}
	for _, o := range st.Strangers {
		fmt.Fprintf(t, "REFUSED: %s\n", o.Why)
	}
	if st.Advice != "" {
		fmt.Fprintln(t, st.Advice)
	}
	return t.Flush()
}

// printHeld says who keeps a feature level from being another.
func printHeld(w io.Writer, held string) {
	if held != "" {
		fmt.Fprintf(w, "  the feature level is held back: %s\n", held)
	}
}

func printMember(w io.Writer, place string, m sentinel.MemberStatus, state string) {
	fmt.Fprintf(w, "  %s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t\n", place, m.Addr, m.Role, m.Offset, m.Lag, yesNo(m.Lease),
		bytesText(m.Memory), heardText(m.SilentMs), state)
}

// busyShown is from when on a command that keeps all others waiting is worth a word.
const busyShown = 200 * time.Millisecond

func memberState(m sentinel.MemberStatus) string {
	switch {
	case m.Refused != "":
		return "refused: " + m.Refused
	case m.Broken != "":
		return "broken: " + m.Broken
	case m.Odown:
		return "down"
	case m.Sdown:
		return "maybe down"
	case m.Leaving:
		return "leaving"
	case m.Role != "master" && !m.LinkUp:
		return "link down"
	case m.Busy >= busyShown.Milliseconds():
		return "busy " + strings.TrimSpace(m.Command+fmt.Sprintf(" for %.1f s", float64(m.Busy)/1000))
	}
	return "ok"
}

// outsiderState is the state of a node without a place in the chain, which nobody judges.
func outsiderState(m sentinel.MemberStatus, downAfterMs int64) string {
	if m.Refused == "" && (m.SilentMs < 0 || m.SilentMs > downAfterMs) {
		return "silent"
	}
	return memberState(m)
}

func sentinelState(s sentinel.SentinelStatus) string {
	switch {
	case s.Removed:
		return "removed: stop it"
	case !s.Alive:
		return "silent"
	case s.Disk == "full":
		return "disk full or failing: it counts as down until it takes writes"
	case s.Leader:
		return "leader"
	case !s.Voter:
		return "joining"
	}
	return "ok"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func heardText(ms int64) string {
	if ms < 0 {
		return "never"
	}
	return fmt.Sprintf("%d ms ago", ms)
}

func bytesText(n int64) string {
	const unit = 1024
	switch {
	case n < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/unit/unit)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/unit/unit/unit)
}

func failoverCommand() *cobra.Command {
	var s sentinelFlags
	var to string
	var force bool
	c := &cobra.Command{
		Use:   "failover [GROUP]",
		Short: "Hand the master's place over to the next in the chain, without an error or a loss",
		Long: `Hand the master's place over to the next in the chain, or to the member that --to names, without an
error or a loss.

With --force, make the node that --to names lead a group of whose chain nobody is left, instead of waiting for
members that are gone for good. Writes that only they had are lost. It is refused while one of them answers.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			group := "mymaster"
			if len(args) == 1 {
				group = args[0]
			}
			if force {
				if to == "" {
					return errors.New("--force needs --to: the node that is to lead, as holdfast status shows it")
				}
				v, err := s.ask(c.Context(), "SENTINEL", "FAILOVER", group, "FORCE", to)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), strings.TrimPrefix(v.String(), "OK "))
				return err
			}
			before, err := s.status(c.Context())
			if err != nil {
				return err
			}
			words := []any{"SENTINEL", "FAILOVER", group}
			if to != "" {
				words = append(words, to)
			}
			if _, err := s.ask(c.Context(), words...); err != nil {
				return err
			}
			return s.awaitMaster(c.Context(), c.OutOrStdout(), group, masterOf(before, group))
		},
	}
	s.register(c, 15*time.Second)
	c.Flags().StringVar(&to, "to", "", "the node that is to lead: its name or HOST:PORT, as holdfast status shows it")
	c.Flags().BoolVar(&force, "force", false,
		"choose the master of a group whose members are gone for good; what only they had is lost")
	return c
}

var errNoHandover = errors.New("the handover was not seen to end in time; look at holdfast status")

// awaitMaster waits until clients are sent to another master than before.
func (s *sentinelFlags) awaitMaster(ctx context.Context, w io.Writer, group, before string) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for {
		if st, err := s.status(ctx); err == nil {
			if now := masterOf(st, group); now != "" && now != before {
				_, err := fmt.Fprintf(w, "master of %s: %s (was %s)\n", group, now, before)
				return err
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errNoHandover
		}
	}
}

func masterOf(st sentinel.Status, group string) string {
	for _, g := range st.Groups {
		if g.Name == group {
			return g.Master
		}
	}
	return ""
}
