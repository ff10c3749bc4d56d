#!/usr/bin/env bash
# Builds the image and starts the compose cluster, kills its master under load and hands its place over, runs the acceptance
# script through another kill where there is one, and ends it. Without a Docker engine it says so, and passes.
#   cluster-test.sh 'docker compose'
set -euo pipefail
cd "$(dirname "$0")/.."
compose=${1:-docker-compose}
if ! docker info >/dev/null 2>&1; then
  echo "no Docker engine here: the cluster is not tested"
  exit 0
fi
make --no-print-directory image group-key
trap '$compose down -v >/dev/null 2>&1' EXIT
$compose up -d
deadline=$((SECONDS + 60))
until docker run --rm --network "$(docker network ls --format '{{.Name}}' | grep '_holdfast$' | head -1)" holdfast:latest \
  status --sentinel 172.30.0.11:26379 --json 2>/dev/null | tr -d ' \n' | grep -qE '"chain":\[\{[^]]*\},\{[^]]*\},\{[^]]*\}\]'; do
  [ $SECONDS -lt $deadline ] || { $compose logs | tail -100; echo "the cluster did not get ready"; exit 1; }
  sleep 0.3
done
docker ps --format '{{.Names}} {{.Status}}'
${GO:-go} run ./e2e/chaos -target compose -faults kill,stop,all,rolling -rounds 1 -hold 3s -retries 3
if [ -n "${ACCEPTANCE:-}" ]; then
  kill_cmd='docker kill $(docker ps -q | xargs docker inspect -f "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{.Name}}" | grep "^%h " | cut -d/ -f2)'
  /usr/bin/python3 "$ACCEPTANCE/seed_sentinel.py" -k "$kill_cmd" 172.30.0.11:26379 172.30.0.12:26379 172.30.0.13:26379
fi
