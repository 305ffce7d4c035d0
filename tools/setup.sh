#!/usr/bin/env bash
# Installs all that Ringfence needs on Debian 12: the broker from Debian, Python packages by hash from the lock.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_debian() {
    echo "installing Debian packages: $*"
    as_root apt-get update -q >/dev/null
    # A server of its own would start with the package; the stack starts its own instead.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

missing=()
PATH="$PATH:/usr/sbin" command -v nats-server >/dev/null || missing+=(nats-server)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m uv --version >/dev/null 2>&1 ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
uv() { VIRTUAL_ENV="$PWD/.venv" .venv/bin/python -m uv --quiet "$@"; }

uv pip install --require-hashes -r requirements.lock
members=()
for project in protos kernel services/* clients/python tools/bank-simulator; do members+=(-e "$project"); done
uv pip install --no-deps --no-build-isolation "${members[@]}"
touch .venv/.installed
