package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"holdfast/cluster"
	"holdfast/replication"
	"holdfast/replication/aof"
)

// identityFile holds who a node of a group is. Whatever its address, the node that has this file is the member that had
// it before.
const identityFile = "holdfast.json"

// Papers are what the file holds.
type Papers struct {
	Name         string `json:"name,omitempty"`
	Installation string `json:"installation,omitempty"` // empty: it has not been taken in yet

	Needs cluster.Level `json:"needs,omitempty"` // the feature level that the data may need

	Lock   string   `json:"lock,omitempty"`   // of the last start, see Config
	Starts []string `json:"starts,omitempty"` // the incarnations of starts with that lock, newest first
}

// Identity is a node's papers, and where they are kept.
type Identity struct {
	files   aof.FS // nil: nowhere
	logger  *slog.Logger
	writing sync.Mutex
	papers  atomic.Pointer[Papers]
	ended   []string // see NoteStart
}

// New is that of a node whose papers are kept in files, or, with nil, nowhere. Nothing is read yet.
func New(files aof.FS, logger *slog.Logger) *Identity {
	return &Identity{files: files, logger: logger}
}

// Now is what the papers say.
func (i *Identity) Now() Papers {
	if p := i.papers.Load(); p != nil {
		return *p
	}
	return Papers{}
}

// Read finds the papers of an earlier start.
func (i *Identity) Read() error {
	if i.files == nil {
		return nil
	}
	p, err := readPapers(i.files)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w; restore it, or remove it to have this node join as a new one",
			identityFile, err)
	}
	i.papers.Store(&p)
	return nil
}

func readPapers(files aof.FS) (p Papers, err error) {
	f, err := files.Open(identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// Change replaces the papers, on disk first.
func (i *Identity) Change(edit func(*Papers)) error {
	i.writing.Lock()
	defer i.writing.Unlock()
	p := i.Now()
	if edit(&p); reflect.DeepEqual(p, i.Now()) {
		return nil
	}
	if i.files != nil {
		if err := writePapers(i.files, p); err != nil {
			return fmt.Errorf("writing %s: %w", identityFile, err)
		}
	}
	i.papers.Store(&p)
	return nil
}

func writePapers(files aof.FS, p Papers) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	const temp = identityFile + ".new"
	f, err := files.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := files.Rename(temp, identityFile); err != nil {
		return err
	}
	return files.SyncDir(".")
}

// TakeName settles what the node of a group is called, and keeps it: what node-name says, else what it was called
// before. One that has a log and no name yet is of a time when addresses were names. Else a name is drawn, as an
// address may have been another node's before.
func (i *Identity) TakeName(given, addr string, hasLog bool, random io.Reader) (name string, err error) {
	kept := i.Now().Name
	switch {
	case given != "":
		name = given
	case kept != "":
		name = kept
	case i.files == nil || hasLog:
		name = addr
	default:
		id, err := replication.NewID(random)
		if err != nil {
			return "", err
		}
		name = cluster.DrawnName(id[:nameDigits])
	}
	err = i.Change(func(p *Papers) { p.Name = name })
	if err != nil && name == addr {
		i.logger.Warn("the node's name can't be kept yet; it will be tried at the next start", "name", name, "err", err)
		return name, nil
	}
	return name, err
}

// nameDigits is how many hex digits a drawn name has.
const nameDigits = 12

// maxStarts is how many earlier starts are told of: a node that is started again and again may have been heard in none
// of the last.
const maxStarts = 8

// NoteStart finds the earlier starts that have ended, as this one has their lock, and notes itself for the next one. A
// disk that is full keeps nothing: then the next start has to wait until the silence of this one tells its end. Without
// a lock nothing is known, nor noted.
func (i *Identity) NoteStart(lock, incarnation string) {
	if lock == "" {
		return
	}
	if p := i.Now(); p.Lock == lock {
		i.ended = p.Starts
	}
	starts := append([]string{incarnation}, i.ended...)
	if err := i.Change(func(p *Papers) {
		p.Lock, p.Starts = lock, starts[:min(len(starts), maxStarts)]
	}); err != nil {
		i.logger.Warn("the next start will have to wait until the sentinels miss this one", "err", err)
	}
}

// Ended are the incarnations of earlier starts that have ended for sure, newest first.
func (i *Identity) Ended() []string { return i.ended }

// Installation is what the node belongs to; empty: it is new.
func (i *Identity) Installation() string { return i.Now().Installation }

// Join has a new node belong to an installation from now on.
func (i *Identity) Join(installation string) error {
	return i.Change(func(p *Papers) {
		if p.Installation == "" {
			p.Installation = installation
		}
	})
}
