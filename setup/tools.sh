#!/usr/bin/env bash
# Gets the programs that a target of the Makefile needs. On Debian and its like, as root or where sudo asks nothing, it installs what is missing.
# Elsewhere it prints a line for each missing program, with the command that gets it, and fails. It says nothing when all is there.
#
#   setup/tools.sh build|test|cluster
#
# GO and PYTHON name other programs than go and /usr/bin/python3, GO_PREFIX another place for Go than /usr/local.
set -euo pipefail
cd "${0%/*}/.."
target=${1:-}
prefix=${GO_PREFIX:-/usr/local}
export PATH="$PATH:$prefix/go/bin" # where Go is unpacked, below; the Makefile looks there as well
go=${GO:-go}
python=${PYTHON:-/usr/bin/python3}

has() { command -v "$1" >/dev/null 2>&1; }

# as is what a command of root's is run with; may says whether it can be run without asking anybody.
as=(sudo) may=no
if [ "$(id -u)" = 0 ]; then
  as=() may=yes
elif has sudo && sudo -n true 2>/dev/null; then
  may=yes
fi
debian=no
if has apt-get && has dpkg; then debian=yes; fi

# What a target needs beside Go, by package. The race detector needs a C compiler, e2e/upgrade git, chaos ip and redis-py, lua its original,
# e2e/programs frameworks: as Debian has them, so that its tests are skipped elsewhere.
missing=() packages=()
need() { # PROGRAM PACKAGE...
  has "$1" || lacks "$@"
}
lacks() { # NAME PACKAGE...
  missing+=("$1: ${*:2}")
  packages+=("${@:2}")
}
frameworks() {
  local module
  for module in celery django_redis limits rq channels_redis; do
    "$python" -c "import $module" 2>/dev/null || lacks "Python's $module" "python3-${module/_/-}"
  done
  need sidekiq ruby-sidekiq
  php -r 'exit(extension_loaded("redis") ? 0 : 1);' >/dev/null 2>&1 || lacks "PHP's redis" php-cli php-redis
}
look() {
  missing=() packages=()
  case $target in
  test)
    need make make
    need git git
    need gcc gcc libc6-dev
    need redis-server redis-server
    need redis-sentinel redis-sentinel
    need redis-cli redis-tools
    need ip iproute2
    need lua5.1 lua5.1
    "$python" -c 'import redis' 2>/dev/null || lacks redis-py python3-redis
    if [ $debian = yes ]; then frameworks; fi
    ;;
  cluster)
    need docker docker.io
    docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
    ;;
  build) ;;
  *)
    echo "usage: setup/tools.sh build|test|cluster" >&2
    exit 2
    ;;
  esac
}

# Redis's packages start servers on the ports that make up takes. Nobody asked for these.
quiet_redis() {
  local service
  for service in redis-server redis-sentinel; do
    if [[ " ${packages[*]} " == *" $service "* ]]; then
      "${as[@]}" service "$service" stop >/dev/null 2>&1 || true
      "${as[@]}" update-rc.d "$service" disable >/dev/null 2>&1 || true
    fi
  done
}

install_packages() {
  echo "installing ${packages[*]}"
  "${as[@]}" apt-get update -qq &&
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null
}

# wanted is the version of go.mod. Go of 1.21 or newer fetches it by itself, unless GOTOOLCHAIN says otherwise.
wanted=
while read -r word value; do
  if [ "$word" = go ]; then wanted=$value; fi
done <go.mod
version() {
  local v
  v=$("$go" env GOVERSION 2>/dev/null) || v=$(GOTOOLCHAIN=local GOFLAGS= "$go" version 2>/dev/null) || v=
  if [[ $v =~ go([0-9]+\.[0-9]+(\.[0-9]+)?) ]]; then echo "${BASH_REMATCH[1]}"; fi
}
new_enough() { # VERSION
  local a b i
  IFS=. read -r -a a <<<"$1"
  IFS=. read -r -a b <<<"$wanted"
  for i in 0 1 2; do
    if ((${a[i]:-0} != ${b[i]:-0})); then
      ((${a[i]:-0} > ${b[i]:-0}))
      return
    fi
  done
}
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) arch= ;;
esac
archive=https://go.dev/dl/go$wanted.linux-$arch.tar.gz

install_go() {
  local file
  echo "installing Go $wanted in $prefix/go"
  if ! has curl; then
    packages=(curl ca-certificates)
    install_packages || return
  fi
  file=$(mktemp)
  curl -fsSL "$archive" -o "$file" && "${as[@]}" tar -C "$prefix" -xzf "$file"
  local failed=$?
  rm -f "$file"
  return $failed
}
get_go() { # WHAT IS WRONG
  local how=https://go.dev/dl/
  if [ "$(uname -s)" = Linux ] && [ -n "$arch" ]; then
    how="curl -fsSL $archive | ${as[*]:+${as[*]} }tar -C $prefix -xz"
    if [ -e "$prefix/go" ]; then how="${as[*]:+${as[*]} }rm -r $prefix/go; $how"; fi
  fi
  echo "$1: $how"
}

bad=0
look
if [ ${#missing[@]} -gt 0 ] && [ $debian = yes ] && [ $may = yes ]; then
  if install_packages; then quiet_redis; fi
  hash -r
  look
fi
for m in ${missing[@]+"${missing[@]}"}; do # bash 3 takes an empty array for an unset variable
  bad=1
  if [ $debian = yes ]; then
    echo "${m%%:*} is missing: ${as[*]:+${as[*]} }apt-get install ${m#*: }"
  else
    echo "${m%%:*} is missing: install it as this system does; Debian's package is ${m#*: }"
  fi
done >&2

if ! has "$go" && [ "$go" = go ] && [ $debian = yes ] && [ $may = yes ] && [ -n "$arch" ] && [ ! -e "$prefix/go" ]; then
  install_go || true
  hash -r
fi
if ! has "$go"; then
  bad=1
  get_go "Go $wanted is missing" >&2
else
  found=$(version)
  if [ -z "$found" ] || ! new_enough "$found"; then
    bad=1
    get_go "Go $wanted is needed, $(command -v "$go") is ${found:-of no version}" >&2
  fi
fi
exit $bad
