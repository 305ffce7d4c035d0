#!/usr/bin/env bash
# Fetches every package of the images by hash, with a Python of the version and platform that the images have.
set -euo pipefail
cd "$(dirname "$0")/../.."
"${PYTHON:-.venv/bin/python}" -m pip download --quiet --no-cache-dir --only-binary :all: --dest deploy/images/wheelhouse \
    --require-hashes -r tools/build.txt -r services/identity/requirements.lock -r services/custody/requirements.lock \
    -r services/payment-instruction/requirements.lock -r services/audit/requirements.lock \
    -r tools/bootstrap/requirements.lock -r clients/python/requirements.lock
