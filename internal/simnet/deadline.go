package simnet

import "time"

// deadline is the time at which calls of one kind fail. Its timer only wakes those who wait; they look at the clock
// themselves, so a timer that fires late for a deadline moved meanwhile does no harm.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set moves the deadline; wake is called by the timer when it passes. The caller wakes waiters now, too.
func (d *deadline) set(t time.Time, wake func()) {
	d.stop()
	d.at = time.Time{}
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	d.at = time.Now().Add(wait)
	switch {
	case wait <= 0:
	case d.timer == nil:
		d.timer = time.AfterFunc(wait, wake)
	default:
		d.timer.Reset(wait)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
