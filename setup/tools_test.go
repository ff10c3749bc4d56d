package setup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machine is a PATH of its own, on which the script finds what a test puts there and nothing else.
type machine struct {
	t   *testing.T
	dir string
}

// newMachine has what every system has: here a user who is not root.
func newMachine(t *testing.T) machine {
	m := machine{t, t.TempDir()}
	for _, name := range []string{"mktemp", "rm"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(m.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	m.program("id", "echo 1000")
	m.program("uname", `case $1 in -m) echo x86_64;; *) echo Linux;; esac`)
	m.program("go", "echo go1.99.1")
	return m
}

// program puts a script there. noted is where a program writes what it was called with.
func (m machine) program(name, script string) {
	m.t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		m.t.Fatal(err)
	}
	text := "#!" + bash + "\nnoted() { echo \"${0##*/} $*\" >>" + m.dir + "/notes; }\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o700); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) programs(names ...string) {
	for _, name := range names {
		m.program(name, "")
	}
}

// debian adds apt-get, which installs a package by making a program of its name.
func (m machine) debian() {
	m.programs("dpkg", "service", "update-rc.d")
	m.program("service", "noted $@")
	m.program("env", "while [[ $1 == *=* ]]; do shift; done; exec $@")
	make := `for p in "$@"; do { echo '#!'$BASH; } >` + m.dir + `/$p; chmod +x ` + m.dir + `/$p; done`
	m.program("apt-get", `noted $@; [ "$1" = install ] || exit 0; shift; `+
		`set -- "$@" redis-cli ip lua5.1 python sidekiq php; `+make)
	chmod, err := exec.LookPath("chmod")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(chmod, filepath.Join(m.dir, "chmod")); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) root() { m.program("id", "echo 0") }

// without takes programs away.
func (m machine) without(names ...string) {
	for _, name := range names {
		if err := os.Remove(filepath.Join(m.dir, name)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// run is what the script says for a target, line by line, and whether all is there then.
func (m machine) run(target string) ([]string, bool) {
	m.t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command(bash, "../setup/tools.sh", target)
	cmd.Env = []string{"PATH=" + m.dir, "GO_PREFIX=" + m.dir + "/prefix", "PYTHON=" + m.dir + "/python",
		"TMPDIR=" + m.dir}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		m.t.Fatalf("%v\n%s", err, out)
	}
	return lines(string(out)), err == nil
}

func (m machine) notes() []string {
	b, err := os.ReadFile(filepath.Join(m.dir, "notes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	return lines(string(b))
}

func lines(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
}

func (m machine) says(target string, ok bool, want ...string) {
	m.t.Helper()
	got, fine := m.run(target)
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], m.dir, "DIR")
	}
	if fine != ok || !slices.Equal(got, want) {
		m.t.Errorf("%s: ok is %v, and it says\n%s\nwanted\n%s", target, fine, strings.Join(got, "\n"),
			strings.Join(want, "\n"))
	}
}

// forTests are the programs that make test needs beside Go.
var forTests = []string{"make", "git", "gcc", "redis-server", "redis-sentinel", "redis-cli", "ip", "lua5.1", "python"}

// frameworks are those that it needs on Debian only.
var frameworks = []string{"sidekiq", "php"}

func TestNothingIsSaidWhenAllIsThere(t *testing.T) {
	m := newMachine(t)
	m.says("build", true)
	m.programs(forTests...)
	m.says("test", true)
	m.programs("docker")
	m.says("cluster", true)
	m.programs("apt-get", "dpkg") // Debian, where frameworks are looked for as well
	m.programs(frameworks...)
	m.says("test", true)
}

func TestMissingIsNamed(t *testing.T) {
	m := newMachine(t)
	m.programs("make", "git", "gcc")
	m.says("test", false,
		"redis-server is missing: install it as this system does; Debian's package is redis-server",
		"redis-sentinel is missing: install it as this system does; Debian's package is redis-sentinel",
		"redis-cli is missing: install it as this system does; Debian's package is redis-tools",
		"ip is missing: install it as this system does; Debian's package is iproute2",
		"lua5.1 is missing: install it as this system does; Debian's package is lua5.1",
		"redis-py is missing: install it as this system does; Debian's package is python3-redis")

	m.debian() // and no sudo
	named := []string{
		"redis-server is missing: sudo apt-get install redis-server",
		"redis-sentinel is missing: sudo apt-get install redis-sentinel",
		"redis-cli is missing: sudo apt-get install redis-tools",
		"ip is missing: sudo apt-get install iproute2",
		"lua5.1 is missing: sudo apt-get install lua5.1",
		"redis-py is missing: sudo apt-get install python3-redis",
		"Python's celery is missing: sudo apt-get install python3-celery",
		"Python's django_redis is missing: sudo apt-get install python3-django-redis",
		"Python's limits is missing: sudo apt-get install python3-limits",
		"Python's rq is missing: sudo apt-get install python3-rq",
		"Python's channels_redis is missing: sudo apt-get install python3-channels-redis",
		"sidekiq is missing: sudo apt-get install ruby-sidekiq",
		"PHP's redis is missing: sudo apt-get install php-cli php-redis",
	}
	m.says("test", false, named...)
	m.program("sudo", "exit 1") // it would ask for a password
	m.says("test", false, named...)
	if n := m.notes(); len(n) > 0 {
		t.Errorf("without being root it has run %v", n)
	}
	m.says("cluster", false,
		"docker is missing: sudo apt-get install docker.io",
		"docker-compose is missing: sudo apt-get install docker-compose")
	m.says("build", true)
}

func TestMissingIsInstalled(t *testing.T) {
	m := newMachine(t)
	m.programs("make", "git")
	m.debian()
	m.root()
	const packages = "gcc libc6-dev redis-server redis-sentinel redis-tools iproute2 lua5.1 python3-redis " +
		"python3-celery python3-django-redis python3-limits python3-rq python3-channels-redis " +
		"ruby-sidekiq php-cli php-redis"
	m.says("test", true, "installing "+packages)
	want := []string{
		"apt-get update -qq",
		"apt-get install -y -qq " + packages,
		"service redis-server stop",
		"service redis-sentinel stop",
	}
	if n := m.notes(); !slices.Equal(n, want) {
		t.Errorf("it has run %q", n)
	}
	m.says("test", true)
}

func TestSudoIsUsedWhereItDoesNotAsk(t *testing.T) {
	m := newMachine(t)
	m.programs(forTests...)
	m.programs(frameworks...)
	m.without("gcc")
	m.debian()
	m.program("sudo", `[ "$1" = -n ] && exit 0; noted $@; exec $@`)
	m.says("test", true, "installing gcc libc6-dev")
	if n := m.notes(); !slices.Contains(n, "sudo apt-get update -qq") {
		t.Errorf("it has run %q", n)
	}
}

func TestPackagesThatCannotBeHadAreNamed(t *testing.T) {
	m := newMachine(t)
	m.programs(forTests...)
	m.programs(frameworks...)
	m.without("ip")
	m.debian()
	m.root()
	m.program("apt-get", "echo 'E: no network' >&2; exit 100")
	m.says("test", false, "installing iproute2", "E: no network", "ip is missing: apt-get install iproute2")
}

func TestGo(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(mod), "\ngo ")
	wanted, _, _ := strings.Cut(rest, "\n")
	get := "curl -fsSL https://go.dev/dl/go" + wanted + ".linux-amd64.tar.gz | sudo tar -C DIR/prefix -xz"

	m := newMachine(t)
	m.program("go", "echo go"+wanted)
	m.says("build", true)
	for _, old := range []string{"1.9.7", "1.25.11"} {
		m.program("go", "echo go"+old)
		m.says("build", false, "Go "+wanted+" is needed, DIR/go is "+old+": "+get)
	}
	m.program("go",
		`[ $1 = env ] && { echo "go: download: no network" >&2; exit 1; }; echo go version go1.24.3 linux/amd64`)
	m.says("build", false, "Go "+wanted+" is needed, DIR/go is 1.24.3: "+get)

	m.without("go")
	m.says("build", false, "Go "+wanted+" is missing: "+get)
	m.debian()
	m.says("build", false, "Go "+wanted+" is missing: "+get)

	m.root()
	unpacked := m.dir + "/prefix/go/bin"
	m.program("curl", "noted $@; exit 22") // not found
	get = strings.Replace(get, "sudo ", "", 1)
	m.says("build", false, "installing Go "+wanted+" in DIR/prefix/go", "Go "+wanted+" is missing: "+get)
	m.program("curl", "noted $@")
	mkdir, err := exec.LookPath("mkdir")
	if err != nil {
		t.Fatal(err)
	}
	m.program("tar", mkdir+" -p "+unpacked+"; echo -e '#!'$BASH'\\necho go"+wanted+"' >"+unpacked+"/go; chmod +x "+
		unpacked+"/go")
	m.says("build", true, "installing Go "+wanted+" in DIR/prefix/go")
	m.says("build", true)
	m.program("go", "echo go1.19")
	m.says("build", false, "Go "+wanted+" is needed, DIR/go is 1.19: rm -r DIR/prefix/go; "+get)
}

// TestTheMakefileAsks: what make runs first is the script.
func TestTheMakefileAsks(t *testing.T) {
	for target, asks := range map[string]string{"up": "build", "test": "test", "cluster": "cluster"} {
		cmd := exec.Command("make", "-n", target)
		cmd.Dir = ".."
		cmd.Env = slices.DeleteFunc(os.Environ(),
			func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if first := lines(string(out))[0]; first != "setup/tools.sh "+asks {
			t.Errorf("make %s begins with %q", target, first)
		}
	}
}
