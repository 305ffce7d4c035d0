#!/usr/bin/env bash
# Installs the tools of `make images` and `make scan` on Debian 12: builders from Debian, Python's by hash in .images/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

. tools/debian.sh

if [ "${1:-}" != --scan ]; then
    missing=()
    for program in buildah podman runc conmon mmdebstrap; do
        PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("$program")
    done
    install_debian "${missing[@]}"
fi
if ! cmp -s tools/images.txt .images/venv/installed.txt; then
    mkdir -p .images
    python3 -m venv .images/venv
    .images/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/images.txt
    cp tools/images.txt .images/venv/installed.txt
fi
