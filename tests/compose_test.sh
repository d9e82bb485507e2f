#!/usr/bin/env bash
# Builds and starts the containers, checks them by compose_check.py, and takes them down (make compose-test).
# Exit status 77 where there is no Docker engine. SEMCOM_COMPOSE names another compose command.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker info >/dev/null 2>&1; then
    echo "compose-test: skipped, no Docker engine answers here (docker info fails)" >&2
    exit 77
fi
if [ -n "${SEMCOM_COMPOSE:-}" ]; then
    read -ra compose <<<"$SEMCOM_COMPOSE"
elif docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
else
    echo "compose-test: skipped, neither 'docker compose' nor docker-compose is installed" >&2
    exit 77
fi

export COMPOSE_PROJECT_NAME=semcom-test DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1
take_down() {
    local status=$?
    [ "$status" -eq 0 ] || "${compose[@]}" logs --tail 40 || true
    "${compose[@]}" down --volumes --timeout 15 >/dev/null 2>&1 || true
    exit "$status"
}
trap take_down EXIT

"${compose[@]}" up --detach --build
SEMCOM_COMPOSE="${compose[*]}" python3 tests/compose_check.py
