#!/usr/bin/env bash
# Makes the streams of the development cluster by `ringfence-nats bootstrap`; again changes nothing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

kubectl -n ringfence wait certificate/ringfence-nats-administrator --for=condition=Ready --timeout=120s
for key in tls.crt tls.key ca.crt; do (umask 077 && secret ringfence ringfence-nats-administrator "$key" >"$scratch/$key"); done
kubectl -n nats rollout status statefulset/nats --timeout=180s
forward nats pod/nats-0 4222
RINGFENCE_NATS_URL="tls://localhost:$forwarded" RINGFENCE_NATS_CACERT="$scratch/ca.crt" .venv/bin/ringfence-nats bootstrap --apply \
    --certificate "$scratch/tls.crt" --key "$scratch/tls.key" --description "$(dirname "$0")/description.toml"
