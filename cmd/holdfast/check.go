package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/node"
	"holdfast/node/config"
	"holdfast/replication/aof"
)

// checkLogCommand verifies a log on disk, and mends what can be mended.
func checkLogCommand() *cobra.Command {
	var dirName, fileName string
	var fix bool
	var discard, databases int
	c := &cobra.Command{
		Use:   "check-log DIR",
		Short: "Verify the log that a node has on disk, and mend it",
		Long: `Verify the log below DIR, the directory of a node that does not run: that the manifest names
files that are there, that every command is whole, that the checksums are right. The data is
loaded as a node loads it, and takes as much memory: what passes is what a node takes.

With --fix a log is cut off where it stops being whole: what comes after that is lost. Where
whole commands are among it, it says how many, changes nothing, and wants to be told that they
may go: --fix --discard 17. A file that only fails its checksum is taken as it is. Keep a copy
of the directory before.`,
		Example: "  holdfast check-log /var/lib/holdfast\n  holdfast check-log --fix /var/lib/holdfast",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			root, err := os.OpenRoot(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, root.Close()) }()
			release, _, err := lockDir(root)
			if err != nil {
				return fmt.Errorf("the directory %s: %w", args[0], err)
			}
			defer func() { err = errors.Join(err, release()) }()
			k := logCheck{out: c.OutOrStdout(), cfg: aof.Config{FS: aof.NewRoot(root), Dir: dirName, Name: fileName},
				databases: databases}
			return k.run(fix, discard)
		},
	}
	c.Flags().StringVar(&dirName, "appenddirname", "appendonlydir", "directory of the log's files below DIR")
	c.Flags().StringVar(&fileName, "appendfilename", "appendonly.aof", "what the files' names begin with")
	c.Flags().BoolVar(&fix, "fix", false, "cut the log off where it stops being whole")
	databasesFlag(c.Flags(), &databases)
	c.Flags().IntVar(&discard, "discard", 0, "how many whole commands behind that --fix may throw away")
	return c
}

// logCheck is a Loader that counts.
type logCheck struct {
	*node.Check
	out       io.Writer
	cfg       aof.Config
	databases int
	commands  int
}

// Apply executes commands, and counts them.
func (k *logCheck) Apply(batch []aof.Entry) error {
	k.commands += len(batch)
	return k.Check.Apply(batch)
}

func (k *logCheck) run(fix bool, discard int) error {
	k.cfg.ReadOnly = !fix
	report, files, err := k.load()
	var sum *aof.ChecksumError
	asItIs := fix && errors.As(err, &sum)
	if asItIs {
		fmt.Fprintln(k.out, err)
		k.cfg.SkipSums = true
		report, files, err = k.load()
	}
	var torn *aof.TornError
	var damage *aof.DamageError
	switch {
	case err == nil && asItIs:
		fmt.Fprintln(k.out, "taken as it is; the checksum is that of what stands there now")
	case err == nil:
		fmt.Fprintf(k.out, "the log is whole: %d files, %d bytes, %d keys in the base and %d commands behind it\n",
			report.Files, report.Bytes, k.Keys(), k.commands)
		return files.Close()
	case errors.Is(err, aof.ErrBase):
		return err
	case errors.As(err, &torn), errors.As(err, &damage):
		if err := k.cutOff(files, err, fix, discard); err != nil {
			return err
		}
	case !fix && errors.As(err, &sum):
		return fmt.Errorf("%w; with --fix it is taken as it is, keep a copy before", err)
	default:
		return err
	}
	return errors.Join(files.Ready(), files.Close())
}

// cutOff cuts the log off where it stops being whole, unless that throws away whole commands that nobody has agreed to.
func (k *logCheck) cutOff(files *aof.Files, damage error, fix bool, discard int) error {
	rest, err := files.Rest()
	switch {
	case err != nil:
		return errors.Join(damage, err)
	case rest.Commands > 0 && (!fix || discard != rest.Commands):
		return fmt.Errorf("%w; %d whole commands are among the %d bytes from there on, and nothing was changed: keep "+
			"a copy, then throw them away with --fix --discard %d",
			damage, rest.Commands, rest.Bytes, rest.Commands)
	case !fix:
		return fmt.Errorf("%w; no whole command follows: with --fix the log is cut off there, keep a copy before",
			damage)
	}
	fmt.Fprintln(k.out, damage)
	if err := files.Truncate(files.End()); err != nil {
		return err
	}
	fmt.Fprintf(k.out, "cut off at offset %d of the log; %d commands are left\n", files.End(), k.commands)
	return nil
}

func (k *logCheck) load() (aof.LoadReport, *aof.Files, error) {
	files, err := aof.Open(k.cfg)
	if err != nil {
		return aof.LoadReport{}, nil, err
	}
	if !files.Exists() {
		return aof.LoadReport{}, nil, fmt.Errorf("there is no log below this directory: %s is missing", k.cfg.Dir)
	}
	k.commands = 0
	if k.Check, err = newCheck(k.databases); err != nil {
		return aof.LoadReport{}, nil, err
	}
	report, err := files.Load(k, false)
	return report, files, err
}

// checkRDBCommand verifies a snapshot.
func checkRDBCommand() *cobra.Command {
	var databases int
	c := &cobra.Command{
		Use:   "check-rdb FILE",
		Short: "Verify a snapshot, such as dump.rdb",
		Long: `Verify a snapshot, such as dump.rdb: it is loaded as a node loads it at its start, and takes
as much memory. What passes is what a node takes.`,
		Example: "  holdfast check-rdb /var/lib/holdfast/dump.rdb",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			check, err := newCheck(databases)
			if err != nil {
				return err
			}
			report, err := check.Dump(f)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "the snapshot is whole: version %d, %d bytes, %d keys\n",
				report.Version, report.Bytes, report.Keys)
			return err
		},
	}
	databasesFlag(c.Flags(), &databases)
	return c
}

// databasesFlag is the one setting of a node that says what it can load.
func databasesFlag(flags *pflag.FlagSet, databases *int) {
	flags.IntVar(databases, "databases", config.Default().Databases(), "how many databases the node has")
}

func newCheck(databases int) (*node.Check, error) {
	settings := config.Default()
	if err := settings.Set("databases", []string{strconv.Itoa(databases)}); err != nil {
		return nil, fmt.Errorf("--databases %d: %w", databases, err)
	}
	return node.NewCheck(settings)
}
