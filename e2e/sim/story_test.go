package sim

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// story is what happened, a line per event.
type story struct {
	began time.Time
	level slog.Level

	mu    sync.Mutex
	lines []string
	bad   []string
	lasts time.Duration // of virtual time, when that is over
}

const (
	storyShown = 600 // lines printed of a story, its end
	badShown   = 20  // violations printed
)

func newStory() *story {
	s := &story{began: time.Now(), level: slog.LevelInfo}
	if os.Getenv("SIM_DEBUG") != "" {
		s.level = slog.LevelDebug
	}
	return s
}

// tell adds an event.
func (s *story) tell(who, format string, args ...any) {
	at := time.Since(s.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lasts > 0 {
		at = s.lasts
	}
	line := fmt.Sprintf("%9.4f  %-10s  %s", at.Seconds(), who, fmt.Sprintf(format, args...))
	s.lines = append(s.lines, line)
}

// violated adds something that must not be, which a checker has found.
func (s *story) violated(checker, format string, args ...any) {
	text := "[" + checker + "] " + fmt.Sprintf(format, args...)
	s.tell("VIOLATION", "%s", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = append(s.bad, text)
}

// over notes that virtual time has ended.
func (s *story) over() {
	at := time.Since(s.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasts = at
}

// end fails the test when something was violated, and prints the story of a test that failed.
func (s *story) end(t *testing.T, rerun string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bad[:min(len(s.bad), badShown)] {
		t.Error(b)
	}
	if t.Failed() || os.Getenv("SIM_STORY") != "" {
		t.Logf("%d violations; to run it again: %s\n%s", len(s.bad), rerun, s.shown())
	}
}

// text is the story as it is printed.
func (s *story) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown()
}

// shown is the end of the story, or all of it; it needs mu.
func (s *story) shown() string {
	lines := s.lines
	if os.Getenv("SIM_STORY") == "" && len(lines) > storyShown {
		lines = lines[len(lines)-storyShown:]
	}
	return strings.Join(lines, "\n")
}

// logger writes a process's log into the story.
func (s *story) logger(who string) *slog.Logger { return slog.New(storyHandler{s: s, who: who}) }

// storyHandler is a slog.Handler.
type storyHandler struct {
	s     *story
	who   string
	attrs string
}

// Enabled is by level.
func (h storyHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.s.level }

// Handle tells one record.
func (h storyHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if r.Level != slog.LevelInfo {
		b.WriteString(r.Level.String() + " ")
	}
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.s.tell(h.who, "%s%s", b.String(), h.attrs)
	return nil
}

// WithAttrs adds to every line.
func (h storyHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key != "sentinel" { // the line names it already
			h.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
	}
	return h
}

// WithGroup is not used by anybody here.
func (h storyHandler) WithGroup(string) slog.Handler { return h }

// has says whether a line of who has the text.
func (s *story) has(who, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if strings.Contains(l, "  "+who+" ") && strings.Contains(l, text) {
			return true
		}
	}
	return false
}
