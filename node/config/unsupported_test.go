package config

import (
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestWhatProtectsIsRefused: a line that is to protect the node and can't is refused with its place, and without what
// is secret in it.
func TestWhatProtectsIsRefused(t *testing.T) {
	const hash = "#2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" // of "secret"
	for _, test := range []struct{ file, want string }{
		{"", ""},
		{`rename-command FLUSHALL ""`, "r.conf:1: 'rename-command FLUSHALL …' commands can't be renamed"},
		{"port 1\n\nrename-command SHUTDOWN stop_3f9a", "r.conf:3: 'rename-command SHUTDOWN …' commands can't"},
		{"user reader on >r ~app:* +@read", "r.conf:1: 'user reader …' users are not supported"},
		{"user default off", "'user default …' users"},
		{"user default on >sesame ~* &* +@all", "'user default …' users"},
		{"user default on nopass ~* &* +@all -@dangerous", "'user default …' users"},
		{"user default on nopass ~app:* &* +@all", "'user default …' users"},
		{"user default on nopass ~* +@all resetchannels", "'user default …' users"},
		{"user default on nopass sanitize-payload ~* &* +@all", ""}, // as Redis writes it
		{"user default on ~* &* +@all", ""},
		{"user default on > ~* &* +@all", "'user default …' users"},
		{"user default on sanitize-payload " + hash + " ~* &* +@all\nrequirepass secret", ""},
		{"requirepass other\nuser default on " + hash + " ~* &* +@all", "r.conf:2: 'user default …' users"},
		{"requirepass secret\nuser default on nopass ~* &* +@all", "r.conf:2: 'user default …' users"},
		{"requirepass secret\nuser default on >secret ~* &* +@all", ""},
		{"aclfile /etc/users.acl", "r.conf:1: 'aclfile /etc/users.acl' this is not supported"},
		{"tls-port 6380", "r.conf:1: 'tls-port 6380' this is not supported"},
		{"port 0\nTLS-Port 6380\ntls-port 6381", "r.conf:3: 'tls-port 6381' this"},
		{"tls-port 6380\ntls-port 0", ""},
		{"tls-replication yes", "'tls-replication yes'"},
		{"tls-auth-clients no", "'tls-auth-clients no'"},
		{"tls-cert-file /x.crt", "'tls-cert-file /x.crt'"},
		{"tls-key-file-pass sesame", "'tls-key-file-pass …'"},
		{"include more.conf", "more.conf:2: 'tls-port 1' this"},
		{"tls-port 6380\nrename-command FLUSHALL \"\"\nuser a on\nignore-unsupported yes", ""},
		{"ignore-unsupported no\ntls-port 6380", "r.conf:2"},
	} {
		c := Default()
		files := Files{Open: func(string) (io.ReadCloser,
			error) {
			return io.NopCloser(strings.NewReader("\ntls-port 1\n")), nil
		}}
		if err := c.ParseFile("r.conf", strings.NewReader(test.file), files); err != nil {
			t.Fatalf("%s: %v", test.file, err)
		}
		err := c.Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.file, err, test.want)
		}
		if err != nil {
			for _, secret := range []string{"sesame", "stop_3f9a", "~app"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q: the error tells a secret: %v", test.file, err)
				}
			}
		}
	}
	c := Default()
	if err := c.SetText("tls-port", "6380"); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "--tls-port 6380: this is not supported") {
		t.Errorf("a flag: %v", err)
	}
}

// TestWhatProtectsIsRefusedAtRunTime: CONFIG SET does not accept it either.
func TestWhatProtectsIsRefusedAtRunTime(t *testing.T) {
	for _, test := range []struct {
		ignore, name, text string
		refused            bool
	}{
		{"no", "tls-port", "6380", true},
		{"no", "tls-port", "0", false},
		{"no", "tls-auth-clients", "optional", true},
		{"no", "tls-key-file-pass", "sesame", true},
		{"yes", "tls-port", "6380", false},
		{"no", "ignore-unsupported", "yes", true},
	} {
		c := Default()
		if err := c.SetText("ignore-unsupported", test.ignore); err != nil {
			t.Fatal(err)
		}
		err := c.SetRuntime([][2]string{{test.name, test.text}}, Caller{})
		if (err != nil) != test.refused {
			t.Errorf("%v: %v", test, err)
		}
	}
}

// TestInertNames: what changes nothing is told by name, and only when it was set.
func TestInertNames(t *testing.T) {
	c := Default()
	if names := c.InertNames(); len(names) > 0 {
		t.Errorf("defaults: %v", names)
	}
	for _, name := range []string{"daemonize", "appendonly", "cluster-enabled", "activedefrag"} {
		if err := c.SetText(name, "yes"); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(c.InertNames(), " "); got != "activedefrag cluster-enabled daemonize" {
		t.Error(got)
	}
}

// TestTheDocumentNamesWhatIsIgnored: docs/compatibility.md has each directive that changes nothing, or is refused, and
// no other.
func TestTheDocumentNamesWhatIsIgnored(t *testing.T) {
	b, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "\n- Settings that are meant to protect")
	text, _, found := strings.Cut(text, "\n\nA node that starts with")
	if !found {
		t.Fatal("the list is not there any more")
	}
	var named []string
	for _, m := range regexp.MustCompile("`([a-z_*-]+)`").FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	for _, d := range Directives() {
		listed := false
		for _, pattern := range named {
			match, _ := path.Match(pattern, d.Name)
			listed = listed || match
		}
		if want := d.Is(Inert) || d.Is(Unsupported); listed != want && d.Name != "ignore-unsupported" {
			t.Errorf("%s: named %t, ignored or refused %t", d.Name, listed, want)
		}
	}
}
