package openfiles

import (
	"fmt"
	"log/slog"
)

// Limit raises the process's limit of open files to want if it is lower and that is allowed, and returns the limit in
// force before and after; err says why it is still lower than want.
type Limit func(want uint64) (before, after uint64, err error)

// Reserve is how many descriptors a server needs beside its clients', as in Redis.
const Reserve = 32

// Fit returns how many clients can be served beside reserve other descriptors: clients, or as many as are possible. It
// raises the limit first. A nil limit is none. The error says that not even one client could be served.
func Fit(limit Limit, clients, reserve int, log *slog.Logger) (int, error) {
	if limit == nil {
		return clients, nil
	}
	want := uint64(clients) + uint64(reserve)
	before, after, err := limit(want)
	switch {
	case after >= want:
		if after > before {
			log.Info(fmt.Sprintf("Increased maximum number of open files to %d (it was originally set to %d).", after,
				before))
		}
		return clients, nil
	case after <= uint64(reserve):
		return 0, fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. Please increase "+
			"your open file limit to at least %d", before, want)
	}
	fit := int(after) - reserve
	log.Warn(fmt.Sprintf("You requested maxclients of %d requiring at least %d max file descriptors.", clients, want))
	log.Warn(fmt.Sprintf("Server can't set maximum open files to %d because of OS error: %v.", want, err))
	log.Warn(fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low "+
		"ulimit. If you need higher maxclients increase 'ulimit -n'.", after, fit))
	return fit, nil
}

// TooMany is the refusal of a number of clients for which there are too few descriptors.
func TooMany(fit int) error {
	return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", fit)
}
