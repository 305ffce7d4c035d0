#!/usr/bin/env bash
# Random passwords and a random seal for a development cluster, made once and written nowhere else.
set -euo pipefail
. "$(dirname "$0")/common.sh"

for namespace in ringfence ringfence-data openbao; do
    kubectl create namespace "$namespace" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
done
there() { kubectl -n "$1" get secret "$2" >/dev/null 2>&1; }
random() { head -c 32 /dev/urandom | base64 | tr -d '\n=+/'; }
for service in identity custody payment-instruction audit; do
    for kind in owner app; do
        name="$service-database-$kind"
        if there ringfence-data "$name" && there ringfence "$name"; then continue; fi
        password="$(random)"
        for namespace in ringfence-data ringfence; do
            kubectl -n "$namespace" delete secret "$name" --ignore-not-found >/dev/null
            kubectl -n "$namespace" create secret generic "$name" --type=kubernetes.io/basic-auth \
                --from-literal=username="${service//-/_}_$kind" --from-file=password=<(printf %s "$password") >/dev/null
        done
    done
done
if ! there openbao openbao-seal; then
    kubectl -n openbao create secret generic openbao-seal --from-file=key=<(head -c 32 /dev/urandom) >/dev/null
fi
