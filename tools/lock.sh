#!/usr/bin/env bash
# Resolves the workspace and writes requirements.lock: versions and hashes, no hosts, no paths.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m uv export --quiet --no-emit-workspace --all-packages --all-groups --all-extras \
    --no-header --format requirements-txt --output-file requirements.lock "$@" >/dev/null
