#!/usr/bin/env bash
# Installs all that Ringfence needs on Debian 12: servers, faketime and a browser (with a font for Chinese) from Debian, Python
# packages by hash.
set -euo pipefail
cd "$(dirname "$0")/.."

. tools/debian.sh

missing=()
PATH="$PATH:/usr/sbin" command -v nats-server >/dev/null || missing+=(nats-server)
# For the tests of TLS to PostgreSQL.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
# For the drills of clocks that are wrong.
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing+=(faketime)
# For the tests of the page that verifies complete answers.
command -v chromium >/dev/null || missing+=(chromium)
# Else Chinese pages are boxes in their pictures.
[ -n "$(fc-list :lang=zh 2>/dev/null)" ] || missing+=(fonts-wqy-microhei)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
install_debian "${missing[@]}"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }

# Also completes an environment whose making was interrupted.
.venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt
# Like pip's, uv's downloads trust what the machine trusts: a company's own authority too.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=1
uv() { VIRTUAL_ENV="$PWD/.venv" .venv/bin/python -m uv --quiet "$@"; }

uv pip install --require-hashes -r requirements.lock
members=()
for project in protos kernel services/* clients/* tools/*/; do members+=(-e "$project"); done
uv pip install --no-deps --no-build-isolation "${members[@]}"
touch .venv/.installed
