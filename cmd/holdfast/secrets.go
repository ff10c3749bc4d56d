package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/membership"
)

// secret is a password or key that is told by a flag, a file or the environment. What a flag says everybody on the
// machine can read.
type secret struct {
	flag  string
	value *string
	file  *string
}

// secretFlag makes a flag of a secret, and another, -file, of where it is kept.
func secretFlag(flags *pflag.FlagSet, value *string, flag, help string) secret {
	flags.StringVar(value, flag, "", help+"; better in "+secretVariable(flag)+" or --"+flag+"-file")
	return secret{flag, value, secretFile(flags, flag)}
}

func secretFile(flags *pflag.FlagSet, flag string) *string {
	return flags.String(flag+"-file", "", "file with what --"+flag+" would say")
}

// secretVariable is the environment's name for it: HOLDFAST_GROUP_KEY.
func secretVariable(flag string) string {
	return "HOLDFAST_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// read finds a secret where it is told: by the flag, by the file, or else by the environment. told is false when
// nothing says any.
func (s secret) read(flags *pflag.FlagSet) (value string, told bool, err error) {
	byFlag, byFile := flags.Changed(s.flag), flags.Changed(s.flag+"-file")
	switch {
	case byFlag && byFile:
		return "", false, fmt.Errorf("--%s and --%s-file are both given: keep the file", s.flag, s.flag)
	case byFlag:
		return *s.value, true, nil
	case byFile:
		value, err = readSecret(*s.file)
		if err != nil {
			return "", false, fmt.Errorf("--%s-file: %w", s.flag, err)
		}
		return value, true, nil
	}
	value, told = os.LookupEnv(secretVariable(s.flag))
	return value, told, nil
}

// readSecret is the one line of a file.
func readSecret(name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return "", fmt.Errorf("%s is to have one line, the secret", name)
	}
	return value, nil
}

// readSecrets has the flags' variables hold what is told.
func readSecrets(flags *pflag.FlagSet, secrets ...secret) error {
	var all error
	for _, s := range secrets {
		value, told, err := s.read(flags)
		if told {
			*s.value = value
		}
		all = errors.Join(all, err)
	}
	return all
}

func groupKeyCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "group-key",
		Short: "Make a new random group-key, by which the members of a group prove themselves to each other",
		Long: `Make a new random group-key, by which the members of a group, nodes and sentinels, prove
themselves to each other. All of them need the same, in HOLDFAST_GROUP_KEY, --group-key-file,
or a line "group-key …" of a node's configuration. It is printed, or, with --out, written to
a new file that only its owner may read; one that is there already is left as it is.`,
		Example: "  holdfast group-key --out /etc/holdfast/group-key\n  holdfast node --join 10.0.0.1:28379 " +
			"--group-key-file /etc/holdfast/group-key",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" {
				made, err := makeGroupKey(file)
				if err == nil && !made {
					_, err = fmt.Fprintf(c.OutOrStdout(), "%s is there already\n", file)
				}
				return err
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), membership.NewKey())
			return err
		},
	}
	c.Flags().StringVar(&file, "out", "", "write it to this new file instead")
	return c
}

// makeGroupKey makes a file with a new group-key, unless there is one that can be read.
func makeGroupKey(name string) (made bool, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		_, err := readSecret(name)
		return false, err
	}
	if err != nil {
		return false, fmt.Errorf("keeping the group-key: %w", err)
	}
	_, err = f.WriteString(membership.NewKey() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return false, errors.Join(fmt.Errorf("keeping the group-key: %w", err), os.Remove(name))
	}
	return true, nil
}
