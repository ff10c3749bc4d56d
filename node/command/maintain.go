package command

// ActiveExpireOff reports DEBUG SET-ACTIVE-EXPIRE 0, or that data is imported: its source says what has expired.
func (e *Env) ActiveExpireOff() bool { return e.activeExpireOff || e.Imports() }

// CronPaused reports DEBUG PAUSE-CRON 1.
func (e *Env) CronPaused() bool { return e.cronPaused }

// ExpireSweep deletes keys and fields of one database whose time has passed, looking at no more than budget of each,
// and adds their deletion to the effects. Only a master calls it.
func (e *Env) ExpireSweep(db int, nowMs int64, budget int) (visited, expired int) {
	c := &Context{Env: e, DB: e.Store.DB(db), Now: nowMs}
	if c.DB.Expires() > 0 {
		visited, expired = c.DB.ExpireScan(nowMs, budget, func(key []byte) { c.expire(c.DB, key) })
	}
	fields := c.sweepFields(budget)
	e.Effects.Loosen()
	return visited + fields, expired + fields
}

// Word is a command's name as the tables spell it: lower case.
func Word(name []byte) string {
	low := make([]byte, len(name))
	for i, ch := range name {
		if ch >= 'A' && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		low[i] = ch
	}
	return string(low)
}
