package command

import "holdfast/resp"

// The error replies that more than one family gives, in Redis's words.
const (
	ErrSyntax        = resp.ErrSyntax
	ErrWrongType     = resp.Error("WRONGTYPE Operation against a key holding the wrong kind of value")
	ErrNotInteger    = resp.ErrNotInteger
	ErrNotFloat      = resp.Error("ERR value is not a valid float")
	ErrNoSuchKey     = resp.Error("ERR no such key")
	ErrOutOfRange    = resp.Error("ERR index out of range")
	ErrNotPositive   = resp.Error("ERR value is out of range, must be positive")
	ErrSameObject    = resp.Error("ERR source and destination objects are the same")
	ErrDBIndex       = resp.Error("ERR DB index is out of range")
	ErrInvalidDB     = resp.Error("ERR invalid DB index")
	ErrTooBig        = resp.Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	ErrInvalidExpire = "ERR invalid expire time in '%s' command"
	ErrReadOnly      = resp.Error("READONLY You can't write against a read only replica.")
	ErrSaveFailed    = resp.Error("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to " +
		"persist to disk. Commands that may modify the data set are disabled, because this instance is configured to " +
		"report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check " +
		"the Redis logs for details about the RDB error.")
	ErrMasterDown      = resp.Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
	ErrNoAuth          = resp.Error("NOAUTH Authentication required.")
	ErrExecAbort       = resp.Error("EXECABORT Transaction discarded because of previous errors.")
	ErrNoReplicas      = resp.Error("NOREPLICAS Not enough good replicas to write.")
	ErrOOM             = resp.Error("OOM command not allowed when used memory > 'maxmemory'.")
	ErrNoMulti         = resp.Error("ERR Command not allowed inside a transaction")
	ErrTimeoutNotInt   = resp.Error("ERR timeout is not an integer or out of range")
	ErrTimeoutNegative = resp.Error("ERR timeout is negative")
)
