package cluster

import "time"

// Tick is how long to wait for the next of the times, interval apart, at which all members of an installation say what
// they have to say. As they share them as far as their clocks agree, whoever listens to many is woken once and not by
// each. A wait is between a half and one and a half of the interval, which must be positive.
func Tick(now time.Time, interval time.Duration) time.Duration {
	wait := interval - time.Duration(now.UnixNano())%interval
	if wait < interval/2 {
		wait += interval
	}
	return wait
}
