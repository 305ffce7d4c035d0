#!/bin/sh
# Takes from a base what a service must not find there, and adds the account that it runs under.
set -eu
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Installers of packages that images of Python come with.
find / -xdev -depth \( -path '*/ensurepip' -o -path '*-packages/pip' -o -path '*-packages/pip-*' \
    -o -path '*-packages/setuptools' -o -path '*-packages/setuptools-*' -o -path '*-packages/wheel' \
    -o -path '*-packages/wheel-*' -o -path '*/bin/pip' -o -path '*/bin/pip3*' \) -exec rm -rf {} +
groupadd --system --gid 10001 ringfence
useradd --system --uid 10001 --gid ringfence --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ringfence
