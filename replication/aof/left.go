package aof

import (
	"fmt"
	"strconv"
)

// Left says that data was written without the log: what is on disk was all that there was until then, and no more.
type Left struct {
	At    int64 // unix milliseconds
	Apart bool  // the data did not begin with what the log says
	Saved bool  // a snapshot beside the log has data of later; unless Apart, with all that the log says
}

// Left tells whether data was written without the log since it was last written.
func (f *Files) Left() (l Left, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m.left == nil {
		return Left{}, false
	}
	return *f.m.left, true
}

// Leave notes that data is written without the log from now on. It is to be called before that is done.
func (f *Files) Leave(l Left) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.setLeft(&l)
}

// Keep takes Leave back: the log goes on. It is to be called before that is done. A log that is begun anew has nobody
// left.
func (f *Files) Keep() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m.left == nil {
		return nil
	}
	return f.setLeft(nil)
}

func (f *Files) setLeft(l *Left) error {
	if len(f.m.files) == 0 {
		return ErrNone
	}
	next := f.m.clone()
	next.left = l
	if f.doubt {
		return f.commit(next)
	}
	return f.replace(next)
}

// format writes it as a comment of the manifest.
func (l *Left) format() string {
	how, saved := "after", "unsaved"
	if l.Apart {
		how = "apart"
	}
	if l.Saved {
		saved = "saved"
	}
	return fmt.Sprintf("%sleft %d %s %s\n", comment, l.At, how, saved)
}

// parseLeft reads the words of format.
func parseLeft(words []string) (l *Left, err error) {
	l = &Left{Apart: words[2] == "apart", Saved: words[3] == "saved"}
	l.At, err = strconv.ParseInt(words[1], 10, 64)
	return l, err
}
