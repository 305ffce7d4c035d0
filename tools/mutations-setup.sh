#!/usr/bin/env bash
# Installs the oracles of `make mutations`: the Go team's packages from Debian, their compiler and pymerkle by hash.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/debian.sh

SOURCE=/usr/share/gocode
PROGRAM=clients/verifier/tests/mutations/oracle
[ -d "$SOURCE/src/golang.org/x/mod/sumdb" ] || install_debian golang-golang-x-mod-dev
if ! cmp -s tools/mutations.txt .mutations/venv/installed.txt; then
    python3 -m venv .mutations/venv
    .mutations/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/mutations.txt
    cp tools/mutations.txt .mutations/venv/installed.txt
fi
# Nothing is fetched: what is not in SOURCE fails.
GO111MODULE=off GOPATH="$SOURCE" GOCACHE="$PWD/.mutations/cache" GOPROXY=off GOTOOLCHAIN=local \
    .mutations/venv/bin/go build -trimpath -o .mutations/oracle "$PROGRAM"/*.go
