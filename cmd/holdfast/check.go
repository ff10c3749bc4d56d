package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"holdfast/node/rdb"
	"holdfast/replication/aof"
)

// checkLogCommand verifies a log on disk, and mends what can be mended.
func checkLogCommand() *cobra.Command {
	var dirName, fileName string
	var fix bool
	c := &cobra.Command{
		Use:   "check-log DIR",
		Short: "Verify the log that a node has on disk, and mend it",
		Long: `Verify the log below DIR, the directory of a node that does not run: that the manifest names
files that are there, that every command is whole, that the checksums are right.

With --fix a log is cut off where it stops being whole: what comes after that is lost. A file
that only fails its checksum is taken as it is. Keep a copy of the directory before.`,
		Example: "  holdfast check-log /var/lib/holdfast\n  holdfast check-log --fix /var/lib/holdfast",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			root, err := os.OpenRoot(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, root.Close()) }()
			release, err := lockDir(root)
			if err != nil {
				return fmt.Errorf("the directory %s: %w", args[0], err)
			}
			defer func() { err = errors.Join(err, release()) }()
			k := logCheck{out: c.OutOrStdout(), cfg: aof.Config{FS: aof.NewRoot(root), Dir: dirName, Name: fileName}}
			return k.run(fix)
		},
	}
	c.Flags().StringVar(&dirName, "appenddirname", "appendonlydir", "directory of the log's files below DIR")
	c.Flags().StringVar(&fileName, "appendfilename", "appendonly.aof", "what the files' names begin with")
	c.Flags().BoolVar(&fix, "fix", false, "cut the log off where it stops being whole")
	return c
}

// logCheck is a Loader that only counts.
type logCheck struct {
	out      io.Writer
	cfg      aof.Config
	keys     int
	commands int
}

// Base reads the snapshot through, with its checksum.
func (k *logCheck) Base(r *bufio.Reader) error {
	n, err := countKeys(rdb.NewReader(r))
	k.keys = n
	return err
}

// Apply counts.
func (k *logCheck) Apply(batch []aof.Entry) error {
	k.commands += len(batch)
	return nil
}

func (k *logCheck) run(fix bool) error {
	report, files, err := k.load(false)
	var sum *aof.ChecksumError
	var torn *aof.TornError
	var damage *aof.DamageError
	switch {
	case err == nil:
		fmt.Fprintf(k.out, "the log is whole: %d files, %d bytes, %d keys in the base and %d commands behind it\n", report.Files, report.Bytes, k.keys, k.commands)
		return files.Close()
	case errors.Is(err, aof.ErrBase):
		return err
	case !fix:
		return fmt.Errorf("%w; with --fix the log is mended, keep a copy before", err)
	case errors.As(err, &sum):
		fmt.Fprintln(k.out, err)
		k.cfg.SkipSums = true
		if _, files, err = k.load(true); err != nil {
			return err
		}
		fmt.Fprintln(k.out, "taken as it is; the checksum is that of what stands there now")
		return files.Close()
	case errors.As(err, &torn), errors.As(err, &damage):
		fmt.Fprintln(k.out, err)
		if err := files.Truncate(files.End()); err != nil {
			return err
		}
		fmt.Fprintf(k.out, "cut off at offset %d of the log; %d commands are left\n", files.End(), k.commands)
		return files.Close()
	}
	return err
}

func (k *logCheck) load(cut bool) (aof.LoadReport, *aof.Files, error) {
	files, err := aof.Open(k.cfg)
	if err != nil {
		return aof.LoadReport{}, nil, err
	}
	if !files.Exists() {
		return aof.LoadReport{}, nil, fmt.Errorf("there is no log below this directory: %s is missing", k.cfg.Dir)
	}
	k.keys, k.commands = 0, 0
	report, err := files.Load(k, cut)
	return report, files, err
}

// checkRDBCommand verifies a snapshot.
func checkRDBCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check-rdb FILE",
		Short:   "Verify a snapshot, such as dump.rdb",
		Example: "  holdfast check-rdb /var/lib/holdfast/dump.rdb",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			r := rdb.NewReader(f)
			keys, err := countKeys(r)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "the snapshot is whole: version %d, %d bytes, %d keys\n", r.Version(), r.Offset(), keys)
			return err
		},
	}
}

// countKeys reads a snapshot through, every element of it.
func countKeys(r *rdb.Reader) (keys int, err error) {
	err = r.Read(rdb.Callbacks{Entry: func(e rdb.Entry) error {
		keys++
		if e.Elements != nil {
			for range e.Elements {
			}
		}
		return nil
	}})
	return keys, err
}
