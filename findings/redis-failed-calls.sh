#!/bin/sh
# Redis 7.0.15: failed_calls in INFO commandstats does not tell whether the calls of a command failed.
#
# INFO's documentation calls it "the number of failed calls (errors within the command execution)". The server looks whether it has
# replied with any error while the command ran, no matter to whom, and what CLIENT UNBLOCK ends is counted as failed in any case. So
#
#   1. REPLICAOF answers OK and has failed_calls=1 when it unblocks somebody with UNBLOCKED; BLPOP, which got the error, has 0
#   2. CLIENT UNBLOCK id ERROR answers 1 and has failed_calls=1, as BLPOP has
#   3. CLIENT UNBLOCK id TIMEOUT: BLPOP answers nil, as after its timeout, and has failed_calls=1
#   4. BLPOP that times out by itself answers the same nil and has failed_calls=0
#
# Monitoring that alerts on failed_calls reports commands that succeeded, and misses one that did not.
# Needs Debian 12 (amd64) with the lists of apt-get update. Exits with 1 when the server behaves otherwise.
set -eu

packages="redis-tools=5:7.0.15-1~deb12u10 redis-server=5:7.0.15-1~deb12u10 libjemalloc2=5.3.0-1 liblzf1=3.6-3"

dir=$(mktemp -d)
server=
end() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap end EXIT
cd "$dir"
apt-get -o APT::Sandbox::User=root download $packages >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in *.deb; do
	dpkg -x "$deb" root
done
export LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu"
root/usr/bin/redis-server --version
root/usr/bin/redis-server --port 0 --unixsocket "$dir/socket" --save '' --logfile "$dir/server.log" &
server=$!

cli() { root/usr/bin/redis-cli -s "$dir/socket" "$@" | tr -d '\r'; }

# await COMMAND...: waits for it to succeed.
await() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { echo "waited in vain: $*"; cat server.log; exit 2; }
		sleep 0.1
	done
}
is_up() { [ "$(cli PING 2>/dev/null)" = PONG ]; }
is_blocked() { cli INFO clients | grep -q '^blocked_clients:1$'; }
await is_up

# failed NAME: the failed_calls of a command.
failed() { cli INFO commandstats | sed -n "s/^cmdstat_$1:.*failed_calls=//p"; }

wrong=0
# expect WHAT SEEN WANTED
expect() {
	echo "  $1: ${2:-nil}"
	[ "$2" = "$3" ] || { echo "    expected: ${3:-nil}"; wrong=1; }
}

# ends TITLE COMMAND...: blocks a client with BLPOP, ends that with the command, in which ID is the client's, and shows what both were told.
ends() {
	echo "$1"
	shift
	cli CONFIG RESETSTAT >/dev/null
	cli BLPOP queue 20 >blocked.reply &
	blocked=$!
	await is_blocked
	id=$(cli CLIENT LIST | sed -n 's/^id=\([0-9]*\) .* flags=[A-Za-z]*b.*/\1/p')
	reply=$(cli $(echo "$*" | sed "s/ID/$id/"))
	wait "$blocked"
}

ends "1. REPLICAOF while a client is blocked" REPLICAOF 127.0.0.1 1
expect "REPLICAOF answers" "$reply" OK
expect "BLPOP answers" "$(cat blocked.reply)" "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
expect "failed_calls of REPLICAOF" "$(failed replicaof)" 1
expect "failed_calls of BLPOP" "$(failed blpop)" 0
cli REPLICAOF NO ONE >/dev/null

ends "2. CLIENT UNBLOCK ... ERROR" CLIENT UNBLOCK ID ERROR
expect "CLIENT UNBLOCK answers" "$reply" 1
expect "BLPOP answers" "$(cat blocked.reply)" "UNBLOCKED client unblocked via CLIENT UNBLOCK"
expect "failed_calls of CLIENT UNBLOCK" "$(failed 'client|unblock')" 1
expect "failed_calls of BLPOP" "$(failed blpop)" 1

ends "3. CLIENT UNBLOCK ... TIMEOUT" CLIENT UNBLOCK ID TIMEOUT
expect "CLIENT UNBLOCK answers" "$reply" 1
expect "BLPOP answers" "$(cat blocked.reply)" ""
expect "failed_calls of CLIENT UNBLOCK" "$(failed 'client|unblock')" 0
expect "failed_calls of BLPOP" "$(failed blpop)" 1

echo "4. BLPOP times out by itself"
cli CONFIG RESETSTAT >/dev/null
expect "BLPOP answers" "$(cli BLPOP queue 0.1)" ""
expect "failed_calls of BLPOP" "$(failed blpop)" 0

[ $wrong = 0 ] || { echo "This server does not behave as described."; exit 1; }
