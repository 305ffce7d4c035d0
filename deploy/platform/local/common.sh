# Sourced by the scripts beside it: they speak to a development cluster, and to no other.
case "$(kubectl config current-context)" in
    kind-* | k3d-*) ;;
    *) echo "not a development cluster: $(kubectl config current-context)" >&2; exit 1 ;;
esac
scratch="$(mktemp -d)"
children=()
trap 'kill "${children[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# forward NAMESPACE TARGET PORT: a port of the cluster on this machine, for as long as the script runs; sets `forwarded`.
forward() {
    kubectl -n "$1" port-forward "$2" ":$3" >"$scratch/forward" 2>&1 &
    children+=($!)
    for _ in $(seq 50); do
        forwarded="$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$scratch/forward")"
        [ -z "$forwarded" ] || return 0
        sleep 0.2
    done
    cat "$scratch/forward" >&2
    return 1
}
# secret NAMESPACE NAME KEY: writes what a Secret holds.
secret() { kubectl -n "$1" get secret "$2" -o "jsonpath={.data.${3//./\\.}}" | base64 -d; }
