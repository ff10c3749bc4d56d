package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// mapFiles serves includes from memory.
func mapFiles(m fstest.MapFS) Files {
	return Files{
		Open: func(path string) (io.ReadCloser, error) { return m.Open(path) },
		Glob: func(pattern string) ([]string, error) { return fs.Glob(m, pattern) },
	}
}

func parse(t *testing.T, text string, files Files) *Config {
	t.Helper()
	c := Default()
	if err := c.ParseFile("redis.conf", strings.NewReader(text), files); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTableIsComplete(t *testing.T) {
	for _, d := range Directives() {
		if d.Help == "" || d.Name != strings.ToLower(d.Name) {
			t.Errorf("%s: a row needs a lower case name and help", d.Name)
		}
		if (d.Kind == Special || d.Kind == List) != (d.apply != nil) {
			t.Errorf("%s: kind %v and parser do not fit", d.Name, d.Kind)
		}
		if d.Kind == Enum && d.enumPlace(strings.Fields(d.Default)[0]) < 0 {
			t.Errorf("%s: default is none of the values", d.Name)
		}
	}
}

func TestParseFile(t *testing.T) {
	c := parse(t, `
# a comment
  PORT 7000
bind 127.0.0.1 -::1
bind 10.0.0.1
save 900 1
save "300 10 60 5"
requirepass "se\"cr\x41t\n"
masterauth 'it\'s'
client-output-buffer-limit replica 1gb 512mb 30
client-output-buffer-limit pubsub 1mb 0 0
slave-priority 7
maxmemory 2gb
lua-replicate-commands yes
include conf.d/*.conf
include missing*.conf
rename-command FLUSHALL ""
user alice on >pw ~* +@all
join a:1 b:2
announce-ip 10.1.1.1
announce-port 7100
notify-keyspace-events KEA
`, mapFiles(fstest.MapFS{
		"conf.d/a.conf": {Data: []byte("timeout 30\ninclude more/b.conf\r\n")},
		"more/b.conf":   {Data: []byte("hz 100000\n")},
	}))
	want := map[string]string{
		"port": "7000", "bind": "10.0.0.1", "save": "900 1 300 10 60 5", "requirepass": "se\"crAt\n",
		"masterauth":                 "it's",
		"client-output-buffer-limit": "normal 0 0 0 slave 1073741824 536870912 30 pubsub 1048576 0 0",
		"replica-priority":           "7", "maxmemory": "2147483648", "timeout": "30", "hz": "500", "join": "a:1 b:2",
		"replica-announce-ip": "10.1.1.1", "replica-announce-port": "7100", "notify-keyspace-events": "AKE",
	}
	for name, text := range want {
		if got := c.Text(name); got != text {
			t.Errorf("%s is %q, want %q", name, got, text)
		}
	}
	if got := c.Renames(); len(got) != 1 || got[0] != [2]string{"FLUSHALL", ""} {
		t.Errorf("renames: %q", got)
	}
	if got := c.Users(); len(got) != 1 || !slices.Equal(got[0], []string{"alice", "on", ">pw", "~*", "+@all"}) {
		t.Errorf("users: %q", got)
	}
	if got := c.ClientOutputBufferLimit(ClassReplica); got != (OutputLimit{1 << 30, 512 << 20, 30}) {
		t.Errorf("output limit: %+v", got)
	}
	if c.GossipPort() != 17000 || c.AnnouncePort() != 7100 || !slices.Equal(c.Join(), []string{"a:1", "b:2"}) {
		t.Errorf("ports %d %d, join %q", c.GossipPort(), c.AnnouncePort(), c.Join())
	}
}

func TestParseErrors(t *testing.T) {
	files := mapFiles(fstest.MapFS{
		"bad.conf":  {Data: []byte("\nhz x\n")},
		"loop.conf": {Data: []byte("include loop.conf\n")},
	})
	for text, want := range map[string]string{
		"port":                   "redis.conf:1: 'port' wrong number of arguments",
		"\n port 1 2 ":           "redis.conf:2: 'port 1 2' wrong number of arguments",
		"port 70000":             "redis.conf:1: 'port 70000' argument must be between 0 and 65535 inclusive",
		"requirepass \"a":        "redis.conf:1: 'requirepass …' Unbalanced quotes in configuration line",
		"requirepass \"a\"b":     "redis.conf:1: 'requirepass …' Unbalanced quotes in configuration line",
		"nosuch 1":               "redis.conf:1: 'nosuch 1' Bad directive or wrong number of arguments",
		"include":                "redis.conf:1: 'include' Bad directive or wrong number of arguments",
		"hz 1\ninclude bad.conf": "bad.conf:2: 'hz x' argument couldn't be parsed into an integer",
		"include loop.conf":      "loop.conf:1: 'include loop.conf' includes are nested too deeply",
		"include none.conf": "redis.conf:1: 'include none.conf' can't open included file: open none.conf: file " +
			"does not exist",
		"loadmodule x.so":    "redis.conf:1: 'loadmodule x.so' modules are not supported",
		"sentinel monitor a": "redis.conf:1: 'sentinel monitor a' sentinel directive while not in sentinel mode",
		"save 1":             "redis.conf:1: 'save 1' Invalid save parameters",
		"appendonly maybe":   "redis.conf:1: 'appendonly maybe' argument must be 'yes' or 'no'",
		"group \"a b\"":      "redis.conf:1: 'group \"a b\"' a group's name must be a word without blanks",
	} {
		c := Default()
		err := c.ParseFile("redis.conf", strings.NewReader(text), files)
		var pe *ParseError
		if !errors.As(err, &pe) || err.Error() != want {
			t.Errorf("%q:\n got  %v\n want %s", text, err, want)
		}
		if !slices.Equal(c.Get("*"), Default().Get("*")) {
			t.Errorf("%q: a part took effect", text)
		}
	}
}

func TestHooks(t *testing.T) {
	c := Default()
	var heard []string
	hook := func(name string, refuse string) Hook {
		return func(old, new string) error {
			heard = append(heard, name+":"+old+">"+new+"="+c.Text(name))
			if new == refuse {
				return errors.New("no")
			}
			return nil
		}
	}
	c.OnChange("hz", hook("hz", ""))
	c.OnChange("timeout", hook("timeout", "5"))
	if err := c.SetRuntime([][2]string{{"hz", "20"}, {"timeout", "0"}}, Caller{}); err != nil {
		t.Fatal(err)
	}
	err := c.SetRuntime([][2]string{{"hz", "30"}, {"timeout", "5"}, {"repl-timeout", "9"}}, Caller{})
	if err == nil || err.Error() != "CONFIG SET failed (possibly related to argument 'timeout') - no" {
		t.Errorf("error is %v", err)
	}
	want := []string{"hz:10>20=20", "hz:20>30=30", "timeout:0>5=5", "hz:30>20=20"}
	if !slices.Equal(heard, want) {
		t.Errorf("hooks heard %q, want %q", heard, want)
	}
	if c.Hz() != 20 || c.Timeout() != 0 || c.ReplTimeout() != 60 {
		t.Errorf("not rolled back: %d %d %d", c.Hz(), c.Timeout(), c.ReplTimeout())
	}
}

// TestDirIsWhole: Redis answers the directory that it is in, whatever it was told.
func TestDirIsWhole(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	if c.Dir() != here {
		t.Errorf("without a setting it is %q, not %q", c.Dir(), here)
	}
	for told, want := range map[string]string{".": here, "data/": filepath.Join(here, "data"), "/tmp/x/": "/tmp/x"} {
		if err := c.Set("dir", []string{told}); err != nil || c.Dir() != want {
			t.Errorf("%q is %q, %v, not %q", told, c.Dir(), err, want)
		}
	}
}

func TestProtectedAndLoading(t *testing.T) {
	c := Default()
	if err := c.Set("enable-protected-configs", []string{"local"}); err != nil {
		t.Fatal(err)
	}
	set := func(from Caller) error { return c.SetRuntime([][2]string{{"dir", "/x"}}, from) }
	if err := set(Caller{}); err == nil || !strings.Contains(err.Error(), "protected") {
		t.Errorf("remote: %v", err)
	}
	if err := set(Caller{Local: true, Loading: true}); err != errLoading {
		t.Errorf("loading: %v", err)
	}
	if err := set(Caller{Local: true}); err != nil || c.Dir() != "/x" {
		t.Errorf("local: %v", err)
	}
}

// TestReadersDuringChanges is for the race detector.
func TestReadersDuringChanges(t *testing.T) {
	c := Default()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c.Hz() < 10 || len(c.Bind()) == 0 || len(c.Get("max*")) == 0 ||
					c.ClientOutputBufferLimit(ClassPubSub).Hard == 0 {
					t.Error("a value is missing")
					return
				}
			}
		})
	}
	for i := range 500 {
		if err := c.SetRuntime([][2]string{{"hz", []string{"10", "20"}[i%2]}, {"bind", "a b"}}, Caller{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}
