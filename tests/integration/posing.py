"""Somebody who holds payment-instruction's certificate, and books what no bank has said."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import grpc
from ringfence.ids import new_id
from ringfence.unproven import UnprovenTransfer
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_protos.custody.v1 import custody_pb2, custody_pb2_grpc
from ringfence_verifier import read_leaf

EUR = 978
DEPOSIT, WITHDRAWAL = 1, 2
POST, VOID = 4, 8
SECONDS = 60.0


@dataclass(frozen=True)
class Entry:
    """An entry of a bank's file as the log states it."""

    file: bytes
    entry_id: bytes
    feed: bytes


class Poser:
    """Calls custody's BookEvidence as payment-instruction does."""

    def __init__(self, scenario: Scenario) -> None:
        """Takes a certificate of the workload, which a compromised process has."""
        self._stack = scenario.stack
        self._certificate = self._stack.issue_service_certificate("payment-instruction")

    def deposit(self, platform: Platform, account: Account, amount_minor: int, entry: Entry) -> UUID:
        """Has money come in from the platform's bank on an entry; returns the transfer."""
        columns = custody_pb2.TransferColumns(
            debit_account_id=platform.bank.mirror.id.bytes,
            credit_account_id=account.id.bytes,
            amount_minor=[amount_minor],
            user_data_128=entry.entry_id,
            ledger=[EUR],
            code=[DEPOSIT],
            flags=[0],
        )
        return self._book(platform, columns, entry)

    def end(self, platform: Platform, reserved: UUID, amount_minor: int, flags: int, entry: Entry) -> UUID:
        """Posts or voids what was reserved for a payment; returns the transfer."""
        columns = custody_pb2.TransferColumns(
            debit_account_id=bytes(16),
            credit_account_id=bytes(16),
            amount_minor=[amount_minor],
            pending_id=reserved.bytes,
            user_data_128=reserved.bytes,
            ledger=[EUR],
            code=[WITHDRAWAL],
            flags=[flags],
        )
        return self._book(platform, columns, entry)

    def _book(self, platform: Platform, columns: custody_pb2.TransferColumns, entry: Entry) -> UUID:
        transfer = new_id()
        columns.id = transfer.bytes
        request = custody_pb2.BookEvidenceRequest(
            book_id=platform.id.bytes,
            transfers=columns,
            evidence_sha256=entry.file,
            entry_ids=entry.entry_id,
            feed_ids=entry.feed,
        )
        tls = grpc.ssl_channel_credentials(
            self._stack.workload_ca_file.read_bytes(),
            self._certificate.key.read_bytes(),
            self._certificate.certificate.read_bytes(),
        )
        options = [("grpc.ssl_target_name_override", "custody")]
        with grpc.secure_channel(self._stack.addresses["custody"], tls, options) as channel:
            reply = custody_pb2_grpc.CustodyServiceStub(channel).BookEvidence(request, timeout=30)
        assert reply.status == b"\0", "custody believes whoever holds the certificate"
        return transfer


def unproven(scenario: Scenario, platform: Platform) -> list[UnprovenTransfer]:
    """Returns what audit finds of a platform once all that there is by now is judged."""
    audit = scenario.regulator.audit

    def is_judged() -> bool:
        """Tells whether the log has all that the sources have, and nothing of it is open."""
        is_passed = all(each.logged_position == each.current_position for each in audit.verify_sources())
        return is_passed and audit.prove_transfers().open == 0

    assert eventually(is_judged, SECONDS), "transfers stay open"
    return audit.prove_transfers(platform.id).unproven


def newest_entry(scenario: Scenario, platform: Platform) -> Entry:
    """Returns the newest entry of a platform's bank that the log states."""
    found = []
    for leaf in scenario.regulator.audit.search(tenant_id=platform.id):
        fact = read_leaf(leaf.content)
        if fact.kind == "payment-instruction.bank_entry.v1":
            found.append(fact.fields)
    file, entry_id, feed = (found[-1][name] for name in ("file_sha256", "entry_id", "handed_in_by_id"))
    assert isinstance(file, bytes)
    assert isinstance(entry_id, bytes)
    assert isinstance(feed, bytes)
    return Entry(file, entry_id, feed)
