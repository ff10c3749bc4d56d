package persist

import "time"

// StartScheduled begins what had to wait for another snapshot. It needs the execution lock, and is called often.
func (p *Persistence) StartScheduled() {
	if p.current != nil || p.Snapshots.Engine.Data.Partial {
		return
	}
	var err error
	switch {
	case p.rewrites.scheduled:
		p.rewrites.scheduled = false
		_, err = p.Rewrite(true, false)
	case p.Saver.scheduled:
		p.Saver.scheduled = false
		_, err = p.BackgroundSave(true, false)
	}
	if err != nil {
		p.Disk.Logger.Error("what was scheduled can't be begun", "err", err)
	}
}

// EverySecond does what is due. It needs the execution lock.
func (p *Persistence) EverySecond(now time.Time) {
	p.saveIfDue(now)
	p.noteLeft()
}

// Info describes snapshots, saves, loads and the log on disk, for INFO and LASTSAVE. It needs the execution lock.
func (p *Persistence) Info() Info {
	s, c := p.Saver, p.Disk.Config
	brought := c.Loader.Last()
	info := Info{
		Loading: c.Engine.Data.Loading, Load: c.Loader.Progress(), LastSave: s.last, Saving: s.running,
		LastStatusOK: s.ok,
		LastDuration: s.took, Changes: s.unsaved(), Saves: s.count, SavingSince: s.tried,
		KeysLoaded: brought.Keys, KeysExpired: brought.Expired, Log: p.state(),
		SliceTook: p.slice,
	}
	if im := p.current; im != nil {
		info.SnapshotKeys, info.SnapshotSaved = im.keys, im.saved
	}
	return info
}
