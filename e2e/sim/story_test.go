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
	line := fmt.Sprintf("%9.4f  %-10s  %s", time.Since(s.began).Seconds(), who, fmt.Sprintf(format, args...))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

// violated adds something that must not be.
func (s *story) violated(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.tell("VIOLATION", "%s", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = append(s.bad, text)
}

// end fails the test when something was violated, and prints the story of a test that failed.
func (s *story) end(t *testing.T, rerun string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bad[:min(len(s.bad), badShown)] {
		t.Error(b)
	}
	if !t.Failed() && os.Getenv("SIM_STORY") == "" {
		return
	}
	lines := s.lines
	if os.Getenv("SIM_STORY") == "" && len(lines) > storyShown {
		lines = lines[len(lines)-storyShown:]
	}
	t.Logf("%d violations; to run it again: %s\n%s", len(s.bad), rerun, strings.Join(lines, "\n"))
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
	if r.Level > slog.LevelInfo {
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
