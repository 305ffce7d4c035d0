"""Fakes of the application's ports: small, strict, and able to be away; and a store whose commits can be held."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.sealing.envelopes import AssociatedData, seal, unseal
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import DomainError, StoreUnavailable
from ringfence_kernel.vault import VaultUnavailable
from ringfence_payment_instruction.rail.application.ports import Payer, Sealed
from ringfence_payment_instruction.rail.domain.errors import RailContradiction
from ringfence_payment_instruction.screening.domain.clients import Client
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import (
    Booked,
    Correction,
    PlannedTransfer,
    Purpose,
    Taking,
    TransferKind,
)
from ringfence_payment_instruction.submissions.application.ports import Authorisation, HolderNamed, KeyRing
from ringfence_payment_instruction.submissions.domain.errors import (
    AuthorisationRefused,
    IdentityUnavailable,
    KeysUnavailable,
    SubmissionConflict,
)
from ringfence_payment_instruction.submissions.domain.orders import Alias, shortfall_account

TOKEN_PREFIX = "authorisation-for-"


class FakeIdentity:
    """Aliases and keys in memory. `is_away` and `is_sealed` make it unavailable; erased subjects have no key."""

    def __init__(self) -> None:
        """Knows nobody."""
        self.aliases: dict[str, Alias] = {}
        self.claims: dict[tuple[bytes, bytes, str, str], Alias] = {}
        self.erased: set[bytes] = set()
        self.authorised: dict[tuple[bytes, bytes], bytes] = {}
        self.is_away = self.is_sealed = False
        self.key_calls = 0
        self.expires_ns = 2**62

    async def resolve(self, ibans: Sequence[str]) -> dict[str, Alias]:
        """Answers aliases that are known."""
        if self.is_away:
            raise IdentityUnavailable
        return {iban: self.aliases[iban] for iban in ibans if iban in self.aliases}

    async def confirm(self, named: Sequence[HolderNamed]) -> dict[str, Alias]:
        """Confirms what is claimed by tenant, bank feed, IBAN and name."""
        if self.is_away:
            raise IdentityUnavailable
        found = {each.iban: self.claims[key] for each in named if (key := each[:4]) in self.claims}
        self.aliases |= found
        return found

    async def keys(self, subjects: Collection[bytes]) -> KeyRing:
        """Answers a key that depends on the subject alone."""
        self.key_calls += 1
        if self.is_away or self.is_sealed:
            raise KeysUnavailable
        return KeyRing({each: sha256(each).digest() for each in subjects if each not in self.erased}, bytes(32))

    async def authorise(self, caller: Caller, tenant: bytes, submission_id: bytes, digest: bytes) -> Authorisation:
        """Authorises who has a token, each submission for one content."""
        if self.is_away:
            raise IdentityUnavailable
        if not caller.token:
            raise AuthorisationRefused
        if self.authorised.setdefault((tenant, submission_id), digest) != digest:
            raise SubmissionConflict
        return Authorisation(TOKEN_PREFIX + tenant.hex(), self.expires_ns)


class FakePayers:
    """Registered payers by owner; `is_away` refuses."""

    def __init__(self) -> None:
        """Knows nobody."""
        self.found: dict[bytes, Payer] = {}
        self.is_away = False

    def know(self, owner: bytes, name: str) -> None:
        """Learns a name; everybody lives at the same address."""
        if name:
            self.found[owner] = Payer(name, "Lindenweg 4, 10115 Berlin")

    async def registered(self, tenant: bytes, owners: Collection[bytes]) -> dict[bytes, Payer]:
        """Answers those that are known."""
        if self.is_away:
            raise IdentityUnavailable
        return {each: self.found[each] for each in owners if each in self.found}


class FakeBlocking:
    """Identity's blocking; `is_away` refuses."""

    def __init__(self) -> None:
        """Has blocked nobody."""
        self.blocked: list[tuple[bytes, tuple[str, ...]]] = []
        self.digests: list[tuple[bytes, ...]] = []
        self.is_away = False

    async def block(self, client: Client, evidence: bytes) -> None:
        """Blocks a client."""
        if self.is_away:
            raise IdentityUnavailable
        self.blocked.append((client.party, tuple(map(str, client.entries))))
        self.digests.append(tuple(each.entry_sha256 for each in client.entries))


class FakeCustody:
    """A ledger of credit balances. `is_away` refuses before, `loses_replies` after the work is done.
    While it `refuses` it does only what the bank has decided.

    While it `is_newer` it does the work and answers a result code that nobody here knows. What would move money of an
    account in `unsettled` is not decided.
    """

    def __init__(self) -> None:
        """Starts with no accounts."""
        self.balances: dict[bytes, int] = {}
        self.transfers: dict[bytes, PlannedTransfer] = {}
        self.failed: set[bytes] = set()
        self.moved: dict[bytes, int] = {}
        self.finished: dict[bytes, TransferKind] = {}
        self.closed: set[bytes] = set()
        self.held: set[bytes] = set()
        self.unsettled: set[bytes] = set()
        self.accounts = BookAccounts({}, {})
        self.corrected: dict[bytes, list[Correction]] = {}
        self.is_away = self.loses_replies = self.is_newer = self.hides_balances = False
        self.refuses: type[DomainError] | None = None
        self.identity_positions: list[int] = []
        self.calls = 0

    async def create_transfers(
        self, tenant: bytes, token: str, transfers: Sequence[PlannedTransfer], identity_position: int
    ) -> list[str]:
        """Creates transfers one by one."""
        self.calls += 1
        self.identity_positions.append(identity_position)
        if self.refuses is not None:
            raise self.refuses
        if self.is_away:
            raise CustodyUnavailable
        if token != TOKEN_PREFIX + tenant.hex():
            raise AuthorisationRefused
        if any(each.evidence is not None or each.purpose is Purpose.DEPOSIT for each in transfers):
            raise AssertionError("the bank's word is no platform's to authorise")
        return self._create_all(transfers)

    async def book_evidence(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[str]:
        """Creates transfers one by one, on the bank's word."""
        self.calls += 1
        if self.is_away:
            raise CustodyUnavailable
        for each in transfers:
            assert each.evidence is not None
            assert any(each.evidence.sha256) or each.kind is TransferKind.VOID
        return self._create_all(transfers)

    def _create_all(self, transfers: Sequence[PlannedTransfer]) -> list[str]:
        results = [self._create(each) for each in transfers]
        if self.loses_replies:
            raise CustodyUnavailable
        return ["status_250"] * len(results) if self.is_newer else results

    async def book_amounts(self, tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[Booked]:
        """The same, with what each has moved."""
        names = await self.book_evidence(tenant, transfers)
        return list(map(Booked, names, [self.moved.get(each.id, each.amount_minor) for each in transfers]))

    async def book_accounts(self, tenant: bytes, *, fresh: bool = False) -> BookAccounts:
        """Answers the mirrors and suspense accounts."""
        if self.is_away:
            raise CustodyUnavailable
        return self.accounts

    async def frozen(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> frozenset[bytes]:
        """Answers which of them an order holds."""
        if self.is_away:
            raise CustodyUnavailable
        return frozenset(self.held.intersection(accounts))

    async def available_minor(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> dict[bytes, int]:
        """Answers the balances of accounts that are there."""
        if self.is_away or self.hides_balances:
            raise CustodyUnavailable
        return {each: self.balances[each] for each in accounts if each in self.balances}

    async def takings(self, tenant: bytes, entries: Sequence[bytes]) -> list[Taking]:
        """Answers what was taken and given by each entry."""
        if self.is_away:
            raise CustodyUnavailable
        return [self._taking(each) for each in entries]

    def _taking(self, entry: bytes) -> Taking:
        named = [each for each in self.transfers.values() if each.subject == entry]
        taken = [each for each in named if each.debit_account == shortfall_account(each.ledger)]
        given = [each for each in named if each.kind is TransferKind.BALANCING]
        return Taking(sum(each.amount_minor for each in taken), sum(self.moved[each.id] for each in given))

    async def corrections(self, tenant: bytes, instruction_id: bytes) -> list[Correction]:
        """Answers what people have posted."""
        return self.corrected.get(instruction_id, [])

    def _create(self, transfer: PlannedTransfer) -> str:
        if transfer.id in self.transfers:
            return "exists" if self.transfers[transfer.id] == transfer else "exists_with_different_amount"
        if transfer.id in self.failed:
            return "id_already_failed"
        if self.unsettled & {transfer.debit_account, transfer.credit_account}:
            return "owner_standing_unsettled"
        result = self._move(transfer)
        if result == "created":
            self.transfers[transfer.id] = transfer
        elif not result.startswith("pending_transfer_already_"):  # burnt is what might succeed later
            self.failed.add(transfer.id)
        return result

    def _move(self, transfer: PlannedTransfer) -> str:
        if transfer.kind in (TransferKind.POST, TransferKind.VOID):
            return self._finish(transfer)
        if transfer.credit_account in self.closed:
            return "credit_account_already_closed"
        is_shortfall = transfer.debit_account == shortfall_account(transfer.ledger)
        if transfer.debit_account not in self.balances and not is_shortfall:
            return "debit_account_not_found"
        is_owed = transfer.debit_account in self.accounts.mirrors.values() or is_shortfall
        if transfer.kind is TransferKind.BALANCING:
            free = min(transfer.amount_minor, max(0, self.balances[transfer.debit_account]))
            self.balances[transfer.debit_account] -= free
            self._credit(transfer.credit_account, free)
            self.moved[transfer.id] = free
            return "created"
        owed = shortfall_account(transfer.ledger)
        if transfer.credit_account == owed and transfer.amount_minor > -self.balances.get(owed, 0):
            return "exceeds_debits"
        if not is_owed and self.balances[transfer.debit_account] < transfer.amount_minor:
            return "exceeds_credits"
        self._credit(transfer.debit_account, -transfer.amount_minor)
        if transfer.kind is TransferKind.PLAIN:
            self._credit(transfer.credit_account, transfer.amount_minor)
        return "created"

    def _finish(self, transfer: PlannedTransfer) -> str:
        pending = self.transfers.get(transfer.pending_id)
        if pending is None:
            return "pending_transfer_not_found"
        if transfer.pending_id in self.finished:
            posted = self.finished[transfer.pending_id] is TransferKind.POST
            return "pending_transfer_already_posted" if posted else "pending_transfer_already_voided"
        self.finished[transfer.pending_id] = transfer.kind
        to = pending.credit_account if transfer.kind is TransferKind.POST else pending.debit_account
        self._credit(to, pending.amount_minor)
        return "created"

    def _credit(self, account: bytes, amount_minor: int) -> None:
        self.balances[account] = self.balances.get(account, 0) + amount_minor


class FakeVoucher:
    """The rail's principal; without one nobody vouches."""

    def __init__(self) -> None:
        """Vouches for nothing."""
        self.principal: Caller | None = None

    async def caller(self) -> Caller:
        """Answers the principal."""
        if self.principal is None:
            raise AuthorisationRefused
        return self.principal


class FakeRail:
    """A rail in memory; `is_broken` refuses to take messages."""

    def __init__(self) -> None:
        """Starts empty."""
        self.sent: dict[str, bytes] = {}
        self.withdrawn: set[str] = set()
        self.taken_back: set[str] = set()
        """What was asked for to be withdrawn, whatever came of it."""
        self.times_sent = 0
        self.inbox: dict[str, bytes] = {}
        self.archived: list[str] = []
        self.refused: list[str] = []
        self.is_broken = False

    def deliver(self, message_id: str, content: bytes) -> str | None:
        """Takes a message."""
        if self.is_broken:
            raise OSError(28, "No space left on device")
        if message_id in self.withdrawn:
            return None
        self.times_sent += 1
        if self.sent.setdefault(message_id, content) != content:
            raise RailContradiction
        return f"taken {message_id}"

    def withdraw(self, message_id: str) -> bool:
        """Puts a tombstone."""
        self.taken_back.add(message_id)
        if self.is_broken:
            raise OSError(5, "Input/output error")
        if message_id not in self.sent:
            self.withdrawn.add(message_id)
        return message_id in self.withdrawn

    def has(self, message_id: str) -> bool:
        """Answers whether it took a message, or will never."""
        if self.is_broken:
            raise OSError(5, "Input/output error")
        return message_id in self.sent or message_id in self.withdrawn

    def pending(self) -> list[str]:
        """Answers the names in the inbox."""
        return list(self.inbox)

    def read(self, name: str) -> bytes:
        """Answers a file's bytes."""
        return self.inbox[name]

    def archive(self, name: str) -> None:
        """Puts a file away."""
        self.archived.append(name)
        del self.inbox[name]

    def refuse(self, name: str) -> None:
        """Puts a file aside."""
        self.refused.append(name)
        del self.inbox[name]


class FakeSeals:
    """Seals under one key; `is_away` makes it unavailable."""

    def __init__(self) -> None:
        """Has a key."""
        self.is_away = False

    async def seal(self, message: bytes, field: str, content: bytes) -> Sealed:
        """Seals a content in its place."""
        if self.is_away:
            raise VaultUnavailable
        return Sealed("wrapped", seal(bytes(32), content, AssociatedData(message, 0, field)))

    async def unseal(self, message: bytes, field: str, sealed: Sealed) -> bytes:
        """Opens a content in its place."""
        if self.is_away:
            raise VaultUnavailable
        return unseal(bytes(32), sealed.envelope, AssociatedData(message, 0, field))


class GatedStore:
    """The store of a world, whose commits wait while the gate is closed, and fail while `fails` is set."""

    def __init__(self, store: EventStore) -> None:
        """Starts open."""
        self._store = store
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def append(self, *arguments: Any) -> Any:
        """Commits once the gate is open, or finds that the database is away."""
        self.gate.wait(10)
        if self.fails:
            raise StoreUnavailable
        return self._store.append(*arguments)

    def __getattr__(self, name: str) -> Any:
        """Leaves the rest to the store."""
        return getattr(self._store, name)
