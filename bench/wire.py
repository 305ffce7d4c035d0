"""CreateTransfers over mutual TLS with an access token, on bytes that were made ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from ringfence.credentials import Credentials
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


@asynccontextmanager
async def connected(credentials: Credentials, *, status: int = 0) -> AsyncIterator[Ask]:
    """Connects with a fresh token; the call raises RuntimeError unless every row has that status."""
    addresses = credentials.addresses
    assert addresses is not None
    async with _channel(addresses.identity, "identity", credentials) as identity:
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        token = (await identity_pb2_grpc.TokenServiceStub(identity).IssueToken(request)).access_token
    metadata = (("authorization", f"Bearer {token}"),)
    async with _channel(addresses.custody, "custody", credentials) as channel:
        create: Any = channel.unary_unary(CREATE, None, custody_pb2.CreateTransfersResponse.FromString)

        async def ask(request: Request) -> int:
            reply = await create(request.body, metadata=metadata, timeout=CALL_SECONDS)
            if reply.status.count(status) != request.rows:
                raise RuntimeError(f"answered {sorted(set(reply.status))}, not {status} in every row")
            return request.rows

        yield ask


def _channel(address: str, service: str, credentials: Credentials) -> grpc.aio.Channel:
    tls = grpc.ssl_channel_credentials(
        credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
    )
    return grpc.aio.secure_channel(address, tls, [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", service)])
