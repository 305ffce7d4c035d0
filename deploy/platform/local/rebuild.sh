#!/usr/bin/env bash
# Recomputes state and read models of services from their events, and compares: `rebuild.sh SERVICE…`.
set -euo pipefail
. "$(dirname "$0")/common.sh"

for service in "$@"; do
    kubectl -n ringfence exec "$service-0" -- "/service/bin/ringfence-$service" rebuild --verify
done
