package servers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// levelFile says of which feature level a version is, and levelLine how.
const levelFile = "cluster/level.go"

var levelLine = regexp.MustCompile(`LevelNow Level = (\d+)`)

// Earlier is a program of an earlier feature level: of the newest commit of that level or, where git has none, this
// source compiled to understand no more. Main removes it.
func Earlier(t testing.TB, level int) string {
	t.Helper()
	path := filepath.Join(binDir, fmt.Sprintf("holdfast-level-%d", level))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(binDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("asking go for the module's root: %v", err)
	}
	root := filepath.Dir(string(bytes.TrimSpace(mod)))
	if commit := commitOf(root, level); commit != "" {
		t.Logf("the earlier program is of commit %s", commit)
		tree := t.TempDir()
		unpack(t, root, commit, tree)
		compile(t, tree, path)
	} else {
		t.Logf("git has no commit of level %d: the earlier program is this source, made to understand no more", level)
		compile(t, root, path, "-overlay", lowered(t, root, level))
	}
	return path
}

// commitOf is the newest commit of a feature level; "": there is none in what git has here.
func commitOf(root string, level int) string {
	list, err := exec.Command("git", "-C", root, "log", "--format=%H", "HEAD").Output()
	if err != nil {
		return "" // no git, or no repository
	}
	for commit := range strings.FieldsSeq(string(list)) {
		text, err := exec.Command("git", "-C", root, "show", commit+":"+levelFile).Output()
		if err != nil {
			return "" // levels are counted since then
		}
		if found := levelLine.FindSubmatch(text); found != nil && string(found[1]) == strconv.Itoa(level) {
			return commit
		}
	}
	return ""
}

// unpack writes the files of a commit to a directory.
func unpack(t testing.TB, root, commit, tree string) {
	t.Helper()
	archive := exec.Command("git", "-C", root, "archive", "--format=tar", commit)
	extract := exec.Command("tar", "-x", "-C", tree)
	var said bytes.Buffer
	archive.Stderr, extract.Stderr = &said, &said
	var err error
	if extract.Stdin, err = archive.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := extract.Start(); err != nil {
		t.Fatal(err)
	}
	if err := archive.Run(); err != nil {
		t.Fatalf("reading commit %s: %v\n%s", commit, err, &said)
	}
	if err := extract.Wait(); err != nil {
		t.Fatalf("unpacking commit %s: %v\n%s", commit, err, &said)
	}
}

// lowered is an overlay in which the source understands no more than a level.
func lowered(t testing.TB, root string, level int) string {
	t.Helper()
	at := filepath.Join(root, levelFile)
	text, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	if !levelLine.Match(text) {
		t.Fatalf("%s does not say of which level this version is", levelFile)
	}
	dir := t.TempDir()
	instead, overlay := filepath.Join(dir, "level.go"), filepath.Join(dir, "overlay.json")
	text = levelLine.ReplaceAll(text, fmt.Appendf(nil, "LevelNow Level = %d", level))
	if err := os.WriteFile(instead, text, 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {at: instead}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

func compile(t testing.TB, tree, path string, flags ...string) {
	t.Helper()
	args := append([]string{"build", "-trimpath", "-pgo=off", "-o", path}, flags...)
	build := exec.Command("go", append(args, "./cmd/holdfast")...)
	build.Dir = tree
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building an earlier program: %v\n%s", err, out)
	}
}
