"""Importers that ask as fast as they are answered and never retry, and what each of their calls got.

`python -m tests.chaos.pressure CREDENTIALS BOOK CLIENTS ROWS CALLERS SECONDS` is a crowd in a process of its own: what
it costs to be a crowd is not mistaken for what the service takes to answer somebody else.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from ringfence.credentials import Credentials
from ringfence.ledger import Purpose
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

from .book import client_ids

EUR = 978
CREATE_TRANSFERS = "/ringfence.custody.v1.CustodyService/CreateTransfers"
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused call: its status and reason, and the seconds after which to come again (None: not said)."""

    code: str
    reason: str
    retry_after_seconds: float | None


@dataclass
class Seen:
    """What callers saw: latencies of accepted calls, and every refusal."""

    latencies_seconds: list[float] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def accepted_per_second(self) -> float:
        """Accepted calls per second."""
        return len(self.latencies_seconds) / self.seconds

    @property
    def offered_per_second(self) -> float:
        """Calls per second, refused ones included."""
        return (len(self.latencies_seconds) + len(self.refusals)) / self.seconds

    def quantile(self, share: float) -> float:
        """Returns a quantile of the latencies of accepted calls, in seconds."""
        ordered = sorted(self.latencies_seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def __str__(self) -> str:
        """Returns everything in one line."""
        reasons = dict(Counter((each.code, each.reason) for each in self.refusals))
        quantiles = ", ".join(
            f"p{int(share * 100)} {self.quantile(share) * 1_000:.0f} ms" for share in (0.5, 0.95, 0.99)
        )
        rates = f"{self.offered_per_second:,.0f}/s offered, {self.accepted_per_second:,.0f}/s accepted"
        return f"{rates}, {quantiles}, refused {reasons}"


class Pressure:
    """A connection of a book's importer."""

    def __init__(self, book_id: UUID, clients: Sequence[UUID], channel: grpc.aio.Channel, token: str) -> None:
        """Takes the accounts to pay between, an open channel to custody and the importer's token."""
        self._book_id, self._clients = book_id, clients
        self._create: Any = channel.unary_unary(CREATE_TRANSFERS)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def offer(self, rows: int, callers: int, seconds: float, *, heed_hints: bool = False) -> Seen:
        """Has `callers` offer payments, `rows` per call, for a while; who heeds hints stays away as long as told."""
        seen, body, started = Seen(), self._all_but_ids(rows), time.perf_counter()

        async def call_on_and_on() -> None:
            while (began := time.perf_counter()) < started + seconds:
                try:
                    await self._create(body + _ids(rows), metadata=self._metadata, timeout=DEADLINE_SECONDS)
                except grpc.aio.AioRpcError as error:
                    seen.refusals.append(refusal := _refusal(error))
                    if heed_hints and refusal.retry_after_seconds:
                        await asyncio.sleep(refusal.retry_after_seconds * random.uniform(1.0, 1.5))
                else:
                    seen.latencies_seconds.append(time.perf_counter() - began)

        await asyncio.gather(*(call_on_and_on() for _ in range(callers)))
        seen.seconds = time.perf_counter() - started
        return seen

    def _all_but_ids(self, rows: int) -> bytes:
        """Returns the part of a request that all share: concatenated messages are one (protobuf's merging)."""
        clients = [self._clients[row % len(self._clients)].bytes for row in range(rows + 1)]
        columns = custody_pb2.TransferColumns(
            debit_account_id=b"".join(clients[:-1]),
            credit_account_id=b"".join(clients[1:]),
            amount_minor=[100] * rows,
            user_data_128=os.urandom(16) * rows,
            ledger=[EUR] * rows,
            code=[int(Purpose.PAYMENT)] * rows,
        )
        return custody_pb2.CreateTransfersRequest(book_id=self._book_id.bytes, transfers=columns).SerializeToString()


@asynccontextmanager
async def pressing(credentials: Credentials, book_id: UUID, clients: int) -> AsyncIterator[Pressure]:
    """Connects as the importer of a book that began with so many clients."""
    addresses = credentials.addresses
    assert addresses is not None
    async with _channel(addresses.identity, "identity", credentials) as identity:
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        token = (await identity_pb2_grpc.TokenServiceStub(identity).IssueToken(request)).access_token
    async with _channel(addresses.custody, "custody", credentials) as custody:
        yield Pressure(book_id, client_ids(book_id, clients), custody, token)


def _channel(address: str, service: str, credentials: Credentials) -> grpc.aio.Channel:
    tls = grpc.ssl_channel_credentials(
        credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
    )
    return grpc.aio.secure_channel(
        address, tls, [("grpc.ssl_target_name_override", service), ("grpc.enable_retries", 0)]
    )


def _ids(rows: int) -> bytes:
    columns = custody_pb2.TransferColumns(id=os.urandom(16 * rows))
    return custody_pb2.CreateTransfersRequest(transfers=columns).SerializeToString()


def _refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Returns what a refusal says in its details (AIP-193)."""
    status, info, retry = status_pb2.Status(), error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    retry_after = None
    for detail in status.details:
        detail.Unpack(info)
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return Refusal(error.code().name, info.reason, retry_after)


async def crowd(credentials: Credentials, book_id: UUID, clients: int, rows: int, callers: int, seconds: float) -> Seen:
    """Offers payments from a process of its own."""
    async with pressing(credentials, book_id, clients) as pressure:
        return await pressure.offer(rows, callers, seconds, heed_hints=True)


def seen_by_crowd(text: str) -> Seen:
    """Returns what a crowd has printed."""
    fields = json.loads(text)
    return Seen(**{**fields, "refusals": [Refusal(**each) for each in fields["refusals"]]})


if __name__ == "__main__":
    folder, book, *numbers = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(crowd(Credentials.load(folder), UUID(book), *map(int, numbers))))))
