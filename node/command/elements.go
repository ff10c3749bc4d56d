package command

// ElementAt is which argument of a command names the first element of its key's collection that it looks up, from the
// end if negative; 0 if it looks up none by name.
func ElementAt(cmd *Command) int {
	switch cmd.Name {
	case "sadd", "srem", "sismember", "smismember",
		"hset", "hmset", "hsetnx", "hget", "hmget", "hdel", "hexists", "hstrlen", "hincrby", "hincrbyfloat",
		"zrem", "zscore", "zmscore", "zrank", "zrevrank", "geodist", "geohash", "geopos":
		return 2
	case "zadd", "zincrby", "geoadd":
		return -1 // behind options and a score
	}
	return 0
}
