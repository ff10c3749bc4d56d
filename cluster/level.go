package cluster

import "fmt"

// Level is a feature level. It grows by one with each version of Holdfast whose members may say something to each
// other, or keep something, that members of earlier versions can't understand. A group has a level, and so have the
// sentinels: the newest that all who are present understand. Until it has risen nothing of a later one is said,
// executed or stored.
//
//	1  all until levels were counted
//	2  levels: the sentinels agree on them, and on the feature-level of a group
//	3  scripts and libraries of functions, in the log and in snapshots
//	4  streams, in the log and in snapshots
type Level int

const (
	// LevelBase is the level of members, groups and data that name none.
	LevelBase Level = 1
	// LevelNow is the newest that this version understands.
	LevelNow Level = 4
)

// OrBase is the level that somebody is of who says l; those that say none are of a time when there was one level.
func (l Level) OrBase() Level { return max(l, LevelBase) }

// Features are what a group may use.
type Features struct {
	Level  Level  `json:"level"`
	Change uint64 `json:"change"` // counts how often the level has changed: the higher count is the newer word
}

// Newest is the newer of two words on one group.
func (f Features) Newest(o Features) Features {
	if o.Change > f.Change {
		return o
	}
	return f
}

// TooOldError refuses a member that does not understand what is said where it wants to join.
type TooOldError struct {
	Who         string // the member, for people
	Understands Level
	Needed      Level
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("%s understands feature level %d, and level %d is in use here: start it with a newer version "+
		"of Holdfast", e.Who, e.Understands, e.Needed)
}

// TooOld is nil if a member understands what is needed.
func TooOld(who string, understands, needed Level) error {
	if understands.OrBase() >= needed.OrBase() {
		return nil
	}
	return &TooOldError{Who: who, Understands: understands.OrBase(), Needed: needed.OrBase()}
}
