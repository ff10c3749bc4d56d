package command

import (
	"time"

	"holdfast/node/persist"
)

func infoPersistence(c *Context, r *report) {
	p := c.Persist.Info()
	r.flag("loading", p.Loading)
	r.flag("async_loading", !p.Loading && p.Load != nil)
	r.zeros("current_cow_peak", "current_cow_size", "current_cow_size_age")
	percent := 0.0
	if p.SnapshotKeys > 0 {
		percent = 100 * float64(p.SnapshotSaved) / float64(p.SnapshotKeys)
	}
	r.addf("current_fork_perc", "%.2f", percent)
	r.add("current_save_keys_processed", p.SnapshotSaved)
	r.add("current_save_keys_total", p.SnapshotKeys)
	r.add("rdb_changes_since_last_save", p.Changes)
	r.flag("rdb_bgsave_in_progress", p.Saving)
	r.add("rdb_last_save_time", unixSeconds(p.LastSave))
	r.add("rdb_last_bgsave_status", okOrErr(p.LastStatusOK))
	r.add("rdb_last_bgsave_time_sec", seconds(p.LastDuration, p.LastDuration > 0))
	r.add("rdb_current_bgsave_time_sec",
		seconds(time.UnixMilli(c.Now).Sub(p.SavingSince), p.Saving && !p.SavingSince.IsZero()))
	r.add("rdb_saves", p.Saves)
	r.add("rdb_last_cow_size", 0)
	r.add("holdfast_snapshot_longest_slice_usec", p.SliceTook.Microseconds())
	r.add("rdb_last_load_keys_expired", p.KeysExpired)
	r.add("rdb_last_load_keys_loaded", p.KeysLoaded)
	l := p.Log
	r.flag("aof_enabled", l.Enabled)
	r.flag("aof_rewrite_in_progress", l.Rewriting)
	r.flag("aof_rewrite_scheduled", l.Scheduled)
	r.add("aof_last_rewrite_time_sec", seconds(l.RewriteTook, l.Rewrites > 0))
	r.add("aof_current_rewrite_time_sec", seconds(l.RewritingFor, l.Rewriting))
	r.add("aof_last_bgrewrite_status", okOrErr(l.RewriteOK || l.Rewrites == 0))
	r.add("aof_rewrites", l.Rewrites)
	r.add("aof_rewrites_consecutive_failures", l.Failures)
	r.add("aof_last_write_status", okOrErr(l.WriteError == nil))
	r.zeros("aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size")
	if l.Enabled {
		r.add("aof_current_size", l.Size)
		r.add("aof_base_size", l.BaseSize)
		r.flag("aof_pending_rewrite", l.Scheduled)
		r.add("aof_buffer_length", l.Unwritten)
		r.zeros("aof_pending_bio_fsync", "aof_delayed_fsync") // a sync is never put off, nor put in a queue
	}
	infoLoad(c, p.Load, r)
}

func infoLoad(c *Context, p *persist.LoadProgress, r *report) {
	if p == nil {
		return
	}
	eta := int64(1) // as long as nobody can know
	if elapsed := c.Now/1000 - p.Started.Unix(); elapsed > 0 {
		eta = elapsed * p.Left() / (p.Done + 1)
	}
	r.add("loading_start_time", p.Started.Unix())
	r.add("loading_total_bytes", p.Total)
	r.add("loading_rdb_used_mem", p.UsedMemory)
	r.add("loading_loaded_bytes", p.Done)
	r.addf("loading_loaded_perc", "%.2f", p.Percent())
	r.add("loading_eta_seconds", eta)
}

// seconds is -1 for what has not happened.
func seconds(d time.Duration, happened bool) int64 {
	if !happened {
		return -1
	}
	return int64(d / time.Second)
}

func okOrErr(ok bool) string {
	if ok {
		return "ok"
	}
	return "err"
}

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
