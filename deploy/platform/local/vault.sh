#!/usr/bin/env bash
# Initialises the development cluster's OpenBao once and fills it by `ringfence-vault bootstrap`; again changes nothing.
# Its root token stays in a Secret beside it: in production it is revoked (docs/runbooks/bootstrap.md).
set -euo pipefail
. "$(dirname "$0")/common.sh"
here="$(dirname "$0")"
bao() { kubectl -n openbao exec -i openbao-0 -- env BAO_ADDR=https://127.0.0.1:8200 BAO_TOKEN="${VAULT_TOKEN:-}" bao "$@"; }

for namespace in openbao ringfence-data; do
    kubectl -n "$namespace" wait certificate --all --for=condition=Ready --timeout=120s
done
kubectl -n openbao wait pod/openbao-0 --for='jsonpath={.status.phase}=Running' --timeout=180s
if ! kubectl -n openbao get secret openbao-root >/dev/null 2>&1; then
    # One pod, never the Service: two would be initialised.
    bao operator init -format=json -recovery-shares=1 -recovery-threshold=1 >"$scratch/init.json"
    kubectl -n openbao create secret generic openbao-root \
        --from-file=token=<(python3 -c 'import json, sys; print(json.load(sys.stdin)["root_token"], end="")' <"$scratch/init.json")
fi
root="$(secret openbao openbao-root token)"
secret openbao openbao-server ca.crt >"$scratch/vault-ca.pem"
forward openbao pod/openbao-0 8200
# The administrator's policy follows the description; its token is not root, which `--apply` would end, and ends here.
.venv/bin/ringfence-vault policy --description "$here/description.toml" |
    VAULT_TOKEN="$root" bao policy write ringfence-bootstrap -
administrator="$(VAULT_TOKEN="$root" bao token create -orphan -policy=ringfence-bootstrap -no-default-policy -ttl=10m -field=token)"
VAULT_ADDR="https://localhost:$forwarded" VAULT_CACERT="$scratch/vault-ca.pem" VAULT_TOKEN="$administrator" \
    .venv/bin/ringfence-vault bootstrap --apply --description "$here/description.toml"
VAULT_TOKEN="$administrator" bao token revoke -self

# Public: the authorities, and who may do what on NATS.
for mount in workload client; do bao read -field=certificate "pki-$mount/cert/ca" >"$scratch/$mount-ca.pem"; done
cp "$scratch/workload-ca.pem" "$scratch/nats-ca.pem"
secret ringfence-data ringfence-postgres-server ca.crt >"$scratch/postgres-ca.pem"
.venv/bin/ringfence-nats accounts --description "$here/description.toml" >"$scratch/accounts.json"
publish() {
    kubectl -n "$1" create configmap "$2" "${@:3}" --dry-run=client -o yaml | kubectl apply --server-side -f -
}
publish ringfence ringfence-trust --from-file="$scratch/workload-ca.pem" --from-file="$scratch/client-ca.pem" \
    --from-file="$scratch/vault-ca.pem" --from-file="$scratch/nats-ca.pem" --from-file="$scratch/postgres-ca.pem"
kubectl create namespace nats --dry-run=client -o yaml | kubectl apply -f -
publish nats nats-trust --from-file="$scratch/workload-ca.pem"
publish nats nats-accounts --from-file="$scratch/accounts.json"
