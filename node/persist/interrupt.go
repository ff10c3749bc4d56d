package persist

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

// ErrInterrupted is why a load ended early: the node was told to end. What is on disk is as it was.
var ErrInterrupted = errors.New("told to end while the data was being loaded")

// Interrupt has a load that is under way end at once, with ErrInterrupted, and those that come as well.
func (l *Loader) Interrupt() { l.interruptOnce.Do(func() { close(l.interrupted) }) }

// Interruption is ErrInterrupted once the node was told to end.
func (l *Loader) Interruption() error {
	select {
	case <-l.interrupted:
		return ErrInterrupted
	default:
		return nil
	}
}

// interruptible is a source of data that fails as soon as the node was told to end.
type interruptible struct {
	l *Loader
	r io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.l.Interruption(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// delay is the time to wait for after a key, by a setting that is for tests, in microseconds: of a negative number, as
// in Redis, one for so many keys.
func delay(setting int64) time.Duration {
	if setting < 0 {
		if rand.Int64N(-setting) != 0 {
			return 0
		}
		setting = 1
	}
	return time.Duration(setting) * time.Microsecond
}

// Loaded comes after each key, or command, that was loaded: it waits for as long as key-load-delay says, and has the
// load end early.
func (l *Loader) Loaded() error {
	setting := l.Settings.KeyLoadDelay()
	if setting == 0 {
		return l.Interruption()
	}
	select {
	case <-time.After(delay(setting)):
		return nil
	case <-l.interrupted:
		return ErrInterrupted
	case <-l.Stopped:
		return errors.New("the node is being closed")
	}
}

// Interrupt has a load end at once.
func (p *Persistence) Interrupt() { p.Disk.Loader.Interrupt() }
