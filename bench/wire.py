"""Calls over mutual TLS, with an access token or as a workload, on bytes that were made ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from ringfence.credentials import Credentials
from ringfence_local_stack.stack.running import RunningStack
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

from bench.load import Ask, Request

CREATE = "/ringfence.custody.v1.CustodyService/CreateTransfers"
CALL_SECONDS = 60.0
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    # Every connection is a new one, with the handshake before the clock starts.
    ("grpc.use_local_subchannel_pool", 1),
]
Metadata = tuple[tuple[str, str], ...]


@asynccontextmanager
async def connected(credentials: Credentials, *, status: int = 0) -> AsyncIterator[Ask]:
    """Connects to custody with a fresh token; the call raises RuntimeError unless every row has that status."""
    async with authorised(credentials, "custody") as (channel, metadata):
        create: Any = channel.unary_unary(CREATE, None, custody_pb2.CreateTransfersResponse.FromString)

        async def ask(request: Request) -> int:
            reply = await create(request.body, metadata=metadata, timeout=CALL_SECONDS)
            if reply.status.count(status) != request.rows:
                raise RuntimeError(f"answered {sorted(set(reply.status))}, not {status} in every row")
            return request.rows

        yield ask


@asynccontextmanager
async def authorised(credentials: Credentials, service: str) -> AsyncIterator[tuple[grpc.aio.Channel, Metadata]]:
    """Connects to a service; calls with this metadata have a fresh token."""
    assert credentials.addresses is not None
    tls = grpc.ssl_channel_credentials(
        credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
    )
    async with _channel(credentials.addresses.identity, "identity", tls) as identity:
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        token = (await identity_pb2_grpc.TokenServiceStub(identity).IssueToken(request)).access_token
    async with _channel(getattr(credentials.addresses, service.replace("-", "_")), service, tls) as channel:
        yield channel, (("authorization", f"Bearer {token}"),)


def resolved_account(stack: RunningStack, iban: str) -> bytes:
    """Returns the account that an IBAN stands for, empty for none, as payment-instruction asks identity."""
    certificate = stack.issue_service_certificate("payment-instruction")
    tls = grpc.ssl_channel_credentials(
        stack.workload_ca_file.read_bytes(), certificate.key.read_bytes(), certificate.certificate.read_bytes()
    )
    options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", "identity")]
    with grpc.secure_channel(stack.addresses["identity"], tls, options) as channel:
        request = identity_pb2.ResolveAliasesRequest(ibans=[iban])
        reply = identity_pb2_grpc.PartyServiceStub(channel).ResolveAliases(request, timeout=CALL_SECONDS)
    return bytes(reply.aliases[0].account_id)


def _channel(addresses: str, service: str, tls: grpc.ChannelCredentials) -> grpc.aio.Channel:
    # Of several processes the one leads that was started first, and stands first.
    leader = addresses.partition(",")[0]
    return grpc.aio.secure_channel(leader, tls, [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", service)])
