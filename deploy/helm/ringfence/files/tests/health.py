"""Asks each process for its health: all are alive and ready, and of every service exactly one leads.

Takes addresses such as `custody-0.custody.NAMESPACE.svc:8081`; a pod's service is its name without the number.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

import grpc
from grpc_health.v1 import health_pb2

_SECONDS = 120.0
_PAUSE_SECONDS = 2.0


def serving(address: str, name: str) -> bool:
    """Whether a process says SERVING under `name`; one that does not answer does not."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            reply = check(health_pb2.HealthCheckRequest(service=name), timeout=3.0)
        except grpc.RpcError:
            return False
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def problems(addresses: list[str]) -> list[str]:
    """Returns what is not as it should be."""
    found, leaders = [], defaultdict[str, list[str]](list)
    for address in addresses:
        pod = address.split(".")[0]
        found += [f"{pod} is not {name}" for name in ("live", "ready") if not serving(address, name)]
        leaders[pod.rpartition("-")[0]] += [pod] if serving(address, "lead") else []
    return found + [
        f"of {service} there lead: {', '.join(leading) or 'none'}"
        for service, leading in leaders.items()
        if len(leading) != 1
    ]


def main(addresses: list[str]) -> int:
    """Looks until all is well, for two minutes at most; returns the exit code."""
    end = time.monotonic() + _SECONDS
    while (found := problems(addresses)) and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
    print("\n".join(found) or f"{len(addresses)} processes are well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
