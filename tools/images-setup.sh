#!/usr/bin/env bash
# Installs the tools of `make images` and `make scan` on Debian 12: builders from Debian, Python's by hash in .images/venv.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if [ "${1:-}" != --scan ]; then
    missing=()
    for program in buildah podman runc conmon mmdebstrap; do
        PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("$program")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "installing Debian packages: ${missing[*]}"
        as_root apt-get update -q >/dev/null
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y \
            --no-install-recommends "${missing[@]}" >/dev/null
    fi
fi
if ! cmp -s tools/images.txt .images/venv/installed.txt; then
    mkdir -p .images
    python3 -m venv .images/venv
    .images/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/images.txt
    cp tools/images.txt .images/venv/installed.txt
fi
