#!/usr/bin/env bash
# Installs what deploy/checks reads Terraform and the Tiltfile with, by hash, in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
home=.venv/infra
if [ -e "$home/.installed" ] && [ ! tools/infra.txt -nt "$home/.installed" ]; then exit 0; fi
# Also completes an environment whose making was interrupted.
"$home/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/infra.txt
touch "$home/.installed"
