"""Load on the ledger: plain transfers between many clients of one book, each with an id of its own."""

from __future__ import annotations

import os
import random
from uuid import UUID

import grpc
from ringfence.credentials import Credentials
from ringfence.errors import RingfenceError
from ringfence.identity import NewParty, PartyKind, PrincipalKind, require_done
from ringfence.ids import external_id
from ringfence.ledger import AccountClass, NewAccount, NewTransfer, Purpose
from ringfence.sandbox.onboarding import await_status, open_accounts, require_created, verify_parties
from ringfence.sandbox.sandbox import Sandbox
from ringfence_protos.custody.v1 import custody_pb2, custody_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2, identity_pb2_grpc

CLIENTS = 10_000
EUR = 978
FUNDS_MINOR = 10**12
OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


class CustodyLoad:
    """A funded book, and calls of CreateTransfers as its importer."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Registers the platform and its importer, opens and funds the accounts."""
        platform = sandbox.principal("bench-platform", PrincipalKind.PLATFORM)
        sandbox.principal("bench-importer", PrincipalKind.IMPORTER, tenant_id=platform.principal_id)
        self.book_id = platform.principal_id
        importer = sandbox.client("bench-importer")
        self._importer = importer
        self.credentials: Credentials = importer.credentials
        owner = external_id("bench", self.book_id, "owner")
        party = NewParty(
            id=owner, kind=PartyKind.COMPANY, name="Bench Clients", identity_number="BENCH-1", country="DE"
        )
        require_done(sandbox.client("bench-platform").identity.register_parties([party]))
        verify_parties(sandbox.operators[0], self.book_id, [owner])
        self.clients = [external_id("bench.client", self.book_id, str(number)) for number in range(CLIENTS)]
        mirror = NewAccount(
            id=external_id("bench", self.book_id, "mirror"), account_class=AccountClass.BANK_MIRROR, currency="EUR"
        )
        accounts = [
            NewAccount(id=each, account_class=AccountClass.CLIENT, currency="EUR", owner_id=owner)
            for each in self.clients
        ]
        open_accounts(importer, self.book_id, [mirror, *accounts])
        await_status(importer, self.book_id, self.clients)
        for at in range(0, CLIENTS, 5_000):
            deposits = [self._deposit(mirror.id, each) for each in self.clients[at : at + 5_000]]
            require_created(importer.custody.create_transfers(self.book_id, deposits), "deposit")
        self._ids = [each.bytes for each in self.clients]

    def _deposit(self, mirror: UUID, client: UUID) -> NewTransfer:
        return NewTransfer(
            id=external_id("bench.deposit", self.book_id, str(client)),
            amount_minor=FUNDS_MINOR,
            currency="EUR",
            code=Purpose.DEPOSIT,
            debit_account_id=mirror,
            credit_account_id=client,
            user_data_128=client,
        )

    def statements_caught_up(self) -> bool:
        """Tells whether statements show everything that is committed."""
        try:
            self._importer.custody.transfers([self.clients[0]], self.book_id)
        except RingfenceError as error:
            if error.reason != "STATEMENTS_BEHIND":
                raise
            return False
        return True

    async def open(self) -> None:
        """Connects, and gets the importer's token."""
        addresses, credentials = self.credentials.addresses, self.credentials
        assert addresses is not None
        async with _channel(addresses.identity, "identity", credentials) as identity:
            request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
            token = (await identity_pb2_grpc.TokenServiceStub(identity).IssueToken(request)).access_token
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._channel = _channel(addresses.custody, "custody", credentials)
        self._create = custody_pb2_grpc.CustodyServiceStub(self._channel).CreateTransfers

    async def create(self, rows: int) -> int:
        """Creates transfers between random clients; raises RuntimeError when one is refused."""
        request = custody_pb2.CreateTransfersRequest(book_id=self.book_id.bytes, transfers=self._columns(rows))
        reply = await self._create(request, metadata=self._metadata, timeout=60)
        if reply.status != bytes(rows):
            raise RuntimeError(f"refused with status {max(reply.status)}")
        return rows

    def _columns(self, rows: int) -> custody_pb2.TransferColumns:
        first = random.randrange(CLIENTS)
        clients = [self._ids[(first + 7 * row) % CLIENTS] for row in range(rows + 1)]
        return custody_pb2.TransferColumns(
            id=os.urandom(16 * rows),
            debit_account_id=b"".join(clients[:-1]),
            credit_account_id=b"".join(clients[1:]),
            amount_minor=[100] * rows,
            user_data_128=os.urandom(16) * rows,
            ledger=[EUR] * rows,
            code=[int(Purpose.PAYMENT)] * rows,
        )

    async def close(self) -> None:
        """Ends the connection."""
        await self._channel.close()


def _channel(address: str, service: str, credentials: Credentials) -> grpc.aio.Channel:
    tls = grpc.ssl_channel_credentials(
        credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
    )
    return grpc.aio.secure_channel(address, tls, [*OPTIONS, ("grpc.ssl_target_name_override", service)])
