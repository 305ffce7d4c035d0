#!/usr/bin/env bash
# Resolves the workspace once and writes what is installed where: versions and hashes, no hosts, no paths.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
    .venv/bin/python -m uv export --quiet --no-emit-workspace --no-header --format requirements-txt "$@" >/dev/null
}
pin --all-packages --all-groups --all-extras --output-file requirements.lock "$@"
pin --frozen --only-group setup --output-file tools/uv.txt
pin --frozen --only-group build --output-file tools/build.txt
for service in services/*/; do
    pin --frozen --package "ringfence-$(basename "$service")" --no-default-groups --output-file "${service}requirements.lock"
done
# Tools that have an image as well.
pin --frozen --package ringfence-bootstrap --no-default-groups --output-file tools/bootstrap/requirements.lock
pin --frozen --package ringfence --extra console --no-default-groups --output-file clients/python/requirements.lock
# What checks and builds the deployment never meets the platform's packages: each in an environment of its own.
for list in deploy images infra mutations; do
    .venv/bin/python -m uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --python-version 3.11 "tools/$list.in" --output-file "tools/$list.txt" "$@"
done
