"""What a service is asked by another, with the other's certificate."""

from __future__ import annotations

import grpc
from ringfence_local_stack.stack.running import RunningStack
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc


def resolved(stack: RunningStack, iban: str) -> identity_pb2.ResolvedAlias:
    """Returns what an IBAN stands for, as payment-instruction asks identity."""
    certificate = stack.issue_service_certificate("payment-instruction")
    tls = grpc.ssl_channel_credentials(
        stack.workload_ca_file.read_bytes(), certificate.key.read_bytes(), certificate.certificate.read_bytes()
    )
    options = [("grpc.ssl_target_name_override", "identity")]
    with grpc.secure_channel(stack.addresses["identity"], tls, options) as channel:
        request = identity_pb2.ResolveAliasesRequest(ibans=[iban])
        return identity_pb2_grpc.PartyServiceStub(channel).ResolveAliases(request, timeout=30).aliases[0]
