package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"holdfast/membership"
)

// TestWhereSecretsComeFrom: a flag, a file or the environment tells a password or a key, to every program, and what
// can't be read is an error that holds no secret.
func TestWhereSecretsComeFrom(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name, env string
		args      []string
		want      string
		fails     string
	}{
		{name: "nothing"},
		{name: "flag", args: []string{"--group-key", "by flag"}, want: "by flag"},
		{name: "file", args: []string{"--group-key-file", file("a", "by file\n")}, want: "by file"},
		{name: "environment", env: "by env", want: "by env"},
		{name: "flag before environment", env: "by env", args: []string{"--group-key", "by flag"}, want: "by flag"},
		{name: "file before environment", env: "by env", args: []string{"--group-key-file", file("b", "by file\r\n")},
			want: "by file"},
		{name: "both", args: []string{"--group-key", "x", "--group-key-file", file("c", "y")}, fails: "both given"},
		{name: "no file", args: []string{"--group-key-file", filepath.Join(dir, "none")}, fails: "no such file"},
		{name: "empty file", args: []string{"--group-key-file", file("d", "\n")}, fails: "one line"},
		{name: "two lines", args: []string{"--group-key-file", file("e", "sesame\nopen\n")}, fails: "one line"},
	} {
		if c.env != "" {
			t.Setenv("HOLDFAST_GROUP_KEY", c.env)
		} else {
			_ = os.Unsetenv("HOLDFAST_GROUP_KEY")
		}
		var value string
		flags := pflag.NewFlagSet("sentinel", pflag.ContinueOnError)
		key := secretFlag(flags, &value, "group-key", "the key")
		if err := flags.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		err := readSecrets(flags, key)
		if (err != nil) != (c.fails != "") || err != nil &&
			(!strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "sesame")) || err == nil &&
			value != c.want {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, value, err, c.want, c.fails)
		}
		of := pflag.NewFlagSet("node", pflag.ContinueOnError)
		given := directiveFlags(of)
		given.secrets = secretDirectives(of)
		if err := of.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		settings, err := settingsOf(configuration{text: []byte("masterauth m\n")}, given, of)
		if (err != nil) != (c.fails != "") || err == nil &&
			(settings.GroupKey() != c.want || settings.MasterAuth() != "m") {
			t.Errorf("a node, %s: %v; want %q, %q", c.name, err, c.want, c.fails)
		}
	}
}

// TestErrorsHoldNoSecret: what is wrong with a line or a flag is said without the password that it has.
func TestErrorsHoldNoSecret(t *testing.T) {
	for _, name := range []string{"requirepass", "masterauth", "group-key", "gossip-key", "sentinel-auth-pass"} {
		_, _, err := parsed([]string{"--" + name, "\x00sesame\x00", "--port", "x"})
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("--%s: %v", name, err)
		}
		flags := pflag.NewFlagSet("node", pflag.ContinueOnError)
		given := directiveFlags(flags)
		_, err = settingsOf(configuration{name: "f", text: []byte(name + " sesame open\n")}, given, flags)
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("a line with %s: %v", name, err)
		}
	}
}

// TestGroupKeyIsKept: a new key is readable by its owner alone, and one that is there stays.
func TestGroupKeyIsKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "group-key")
	if made, err := makeGroupKey(name); !made || err != nil {
		t.Fatal(made, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	first, err := readSecret(name)
	if err != nil || len(first) != len(membership.NewKey()) {
		t.Errorf("it is %q, %v", first, err)
	}
	if made, err := makeGroupKey(name); made || err != nil {
		t.Errorf("it is made anew: %v, %v", made, err)
	}
	if second, err := readSecret(name); second != first || err != nil {
		t.Errorf("it became %q, %v", second, err)
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := makeGroupKey(name); err == nil {
		t.Error("an empty file passes for a key")
	}
}
