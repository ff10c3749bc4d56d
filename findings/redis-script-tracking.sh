#!/bin/sh
# redis-server 7.0.15: a client that caches what scripts answer (CLIENT TRACKING) is told of changes by the keys that the script
# declares, not by those that it reads.
#
# After EVAL with the keys "read" and "unread", of which the script reads only the first, a change of "unread" is told as well: that
# costs a message. A key that the script reads without having declared it, "hidden", is remembered for nobody: its change is not
# told, and what the client has cached of the script's answer stays wrong until it expires. The same GET without a script is told.
#
# Needs Debian 12 (amd64) with the lists of apt-get update. Exits with 1 when the server behaves otherwise.
set -eu

packages="redis-tools=5:7.0.15-1~deb12u10 libjemalloc2=5.3.0-1 liblzf1=3.6-3"

dir=$(mktemp -d)
started=
end() {
	exec 3>&- 4>&- || true
	[ -z "$started" ] || kill $started 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap end EXIT
cd "$dir"
apt-get -o APT::Sandbox::User=root download $packages >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in *.deb; do
	dpkg -x "$deb" root
done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libjemalloc.so.2')")
export LD_LIBRARY_PATH
bin=$dir/root/usr/bin
cp "$bin/redis-check-rdb" redis-server # the same program, which goes by its name
./redis-server --port 0 --unixsocket "$dir/s" --save "" --dir "$dir" >server.log 2>&1 &
started=$!
cli="$bin/redis-cli -s $dir/s"
tries=0
until $cli ping >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ $tries -lt 50 ] || { cat server.log; exit 2; }
	sleep 0.1
done
$cli info server | grep redis_version

# told FIRST CHANGED: what a client is told that sent FIRST, when another one sets the key CHANGED.
told() {
	rm -f listen track
	mkfifo listen track
	$cli <listen >listen.out 2>/dev/null &
	exec 3>listen
	$cli <track >track.out 2>/dev/null &
	exec 4>track
	echo "CLIENT ID" >&3
	sleep 0.3
	id=$(tr -dc 0-9 <listen.out)
	echo "SUBSCRIBE __redis__:invalidate" >&3
	sleep 0.3
	echo "CLIENT TRACKING ON REDIRECT $id" >&4
	echo "$1" >&4
	sleep 0.3
	$cli set "$2" changed >/dev/null
	sleep 0.3
	exec 3>&- 4>&-
	if grep -q -x "$2" listen.out; then echo yes; else echo no; fi
}

same=0
expect() { # WHAT FIRST CHANGED WANT
	got=$(told "$2" "$3")
	echo "$1: told of a change: $got"
	[ "$got" = "$4" ] || same=1
}
script="return {redis.call('get','read'),redis.call('get','hidden')}"
expect "a key that is declared and read    " "EVAL \"$script\" 2 read unread" read yes
expect "a key that is declared and not read" "EVAL \"$script\" 2 read unread" unread yes
expect "a key that is read and not declared" "EVAL \"$script\" 2 read unread" hidden no
expect "the same key, read by a GET        " "GET hidden" hidden yes
exit $same
