package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/migrate"
	"holdfast/replication/aof"
	"holdfast/resp"
	"holdfast/transport"
)

// importer is what the flags of import say.
type importer struct {
	to, from      migrate.Server
	sentinels     []string
	sentinelPass  string
	group         string
	db            int
	replace       bool
	follow, stale bool
	dirName, name string

	out, said io.Writer
	progress  migrate.Progress
	meter     *meter
}

func importCommand() *cobra.Command {
	var i importer
	c := &cobra.Command{
		Use:   "import SOURCE",
		Short: "Bring the data of another server, a snapshot or a log into a running node",
		Long: `Bring the data of SOURCE into the running node --to, or into the master of a group.

SOURCE is a running Redis or Holdfast, HOST:PORT, which is copied as a replica would copy it;
or a snapshot such as dump.rdb; or a directory with an appendonlydir. It is only read.

With --follow the writes of the server go on being passed on until Ctrl-C: when nobody writes
to the source any more and it is 0 bytes behind, clients can be sent to the target.

Keys that the target has already are left alone and counted, and the exit code is 1; --replace
overwrites them. What goes on with commands, a log or --follow, wants an empty target instead;
with --replace the keys that only the target has stay, and the commands meet them.`,
		Example: `  holdfast import --to 10.0.0.1:6379 old-redis:6379 --follow
  holdfast import --sentinel 10.0.0.1:26379,10.0.0.2:26379 /var/lib/redis/dump.rdb
  holdfast import --to 127.0.0.1:6379 /var/lib/redis`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			i.out, i.said = c.OutOrStdout(), c.ErrOrStderr()
			return i.run(c.Context(), args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&i.to.Addr, "to", "127.0.0.1:6379", "the node that gets the data, HOST:PORT")
	f.StringVar(&i.to.User, "to-user", "", "its user")
	secrets := []secret{
		secretFlag(f, &i.to.Password, "to-pass", "its password"),
		secretFlag(f, &i.sentinelPass, "sentinel-pass", "the sentinels' password"),
		secretFlag(f, &i.from.Password, "from-pass", "password there"),
	}
	c.PreRunE = func(c *cobra.Command, _ []string) error { return readSecrets(c.Flags(), secrets...) }
	f.StringSliceVar(&i.sentinels, "sentinel", nil,
		"sentinels that say who the master is, HOST:PORT with commas between them, instead of --to")
	f.StringVar(&i.group, "group", "mymaster", "whose master")
	f.StringVar(&i.from.User, "from-user", "", "user at the server that is copied")
	f.IntVar(&i.db, "db", migrate.AllDatabases, "only this database; -1: all")
	f.BoolVar(&i.replace, "replace", false, "overwrite keys that are there already")
	f.BoolVar(&i.follow, "follow", false, "go on with the server's writes until interrupted")
	f.BoolVar(&i.stale, "stale-log", false,
		"bring a log also where appendonly was switched to no after it, so that later data is not in it")
	f.StringVar(&i.dirName, "appenddirname", "appendonlydir", "directory of the log's files below SOURCE")
	f.StringVar(&i.name, "appendfilename", "appendonly.aof", "what the files' names begin with")
	c.MarkFlagsMutuallyExclusive("to", "sentinel")
	return c
}

func (i *importer) run(ctx context.Context, source string) (err error) {
	info, err := os.Stat(source)
	server := err != nil && strings.Contains(source, ":") && !strings.ContainsRune(source, filepath.Separator)
	switch {
	case err != nil && !server:
		return err
	case i.follow && !server:
		return fmt.Errorf("--follow is for a server; %s is a file", source)
	case i.db < migrate.AllDatabases:
		return fmt.Errorf("there is no database %d", i.db)
	}
	i.from.Addr = source
	if len(i.sentinels) > 0 {
		if i.to.Addr, err = i.master(ctx); err != nil {
			return err
		}
	}
	client, err := i.to.Dial(ctx, transport.Host{})
	if err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	existing, err := migrate.Keys(ctx, client, i.db)
	if err == nil && server {
		err = i.differ(ctx, client)
	}
	var target *migrate.Target
	if err == nil {
		target, err = migrate.NewTarget(ctx, client, &i.progress)
	}
	if err != nil {
		return errors.Join(err, client.Close())
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	im := &migrate.Import{To: target, Only: i.db, Replace: i.replace, Existing: existing, Stale: i.stale,
		Progress: &i.progress}
	began := time.Now()
	i.meter = newMeter(i.said, &i.progress)
	switch {
	case server:
		err = im.Server(ctx, migrate.Source{Server: i.from, Network: transport.Host{}, Follow: i.follow,
			Say: i.meter.say})
	case info.IsDir():
		err = i.log(ctx, im, source)
	default:
		err = i.file(ctx, im, source)
	}
	i.meter.stop()
	return i.conclude(ctx, source, time.Since(began), err)
}

// differ refuses to copy a server into itself.
func (i *importer) differ(ctx context.Context, target *resp.Client) error {
	source, err := i.from.Dial(ctx, transport.Host{})
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer source.Close()
	a, err := migrate.Info(ctx, source, "server", "run_id")
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if b, err := migrate.Info(ctx, target, "server", "run_id"); err != nil || a == b && a != "" {
		return errors.Join(err, errors.New("source and target are the same server"))
	}
	return nil
}

// master asks the sentinels, one after the other.
func (i *importer) master(ctx context.Context) (string, error) {
	var all error
	for _, addr := range i.sentinels {
		s := sentinelFlags{addr: addr, password: i.sentinelPass, timeout: 3 * time.Second}
		v, err := s.ask(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", i.group)
		if err == nil && len(v.Elems) == 2 {
			return net.JoinHostPort(v.Elems[0].String(), v.Elems[1].String()), nil
		}
		if err == nil {
			err = fmt.Errorf("%s knows no master of a group %q", addr, i.group)
		}
		all = errors.Join(all, err)
	}
	return "", all
}

func (i *importer) file(ctx context.Context, im *migrate.Import, name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil {
		i.progress.Total.Store(info.Size())
	}
	if err := im.File(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (i *importer) log(ctx context.Context, im *migrate.Import, dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	report, err := im.Log(ctx, aof.Config{FS: aof.NewRoot(root), Dir: i.dirName, Name: i.name})
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if report.Cut != nil {
		i.meter.say(fmt.Sprintf("%s: %v: left out", report.File, report.Cut))
	}
	return nil
}

// conclude says what was done, and what a user can do about what went wrong.
func (i *importer) conclude(ctx context.Context, source string, took time.Duration, err error) error {
	p := &i.progress
	fmt.Fprintf(i.out, "%s: %s in %s\n", source, tally(p), took.Round(time.Millisecond))
	if n := p.Functions.Load(); n > 0 {
		fmt.Fprintf(i.out, "with %d libraries of functions\n", n)
	}
	var busy *migrate.BusyError
	var existing *migrate.ExistingError
	var stale *migrate.StaleError
	switch {
	case err == nil && i.follow:
		fmt.Fprintf(i.out, "stopped: the target has everything that %s had written\n", source)
	case errors.As(err, &busy):
		return fmt.Errorf("%w; --replace overwrites them", err)
	case errors.As(err, &existing):
		return fmt.Errorf("%w; empty it, or let them stay with --replace", err)
	case errors.As(err, &stale):
		return fmt.Errorf("%w; --stale-log brings what the log has", err)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}
