"""What leaves say of a bank's word: read leaf by leaf, and nothing kept beyond one event of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_audit.evidence.domain.bookings import (
    Booking,
    Move,
    Payment,
    Said,
    Word,
    reserving_transfer,
    shortfall_account,
)
from ringfence_audit.log.domain.events import Taken, bundle_of, leaves_of
from ringfence_audit.log.domain.leaf import Value, decode, prefix
from ringfence_audit.log.domain.page import page_events

MIRROR, SUSPENSE = "BANK_MIRROR", "SUSPENSE"
PENDING, POST, VOID = 2, 4, 8
"""Flags of a transfer (docs/ledger.md)."""
SUSPENSE_ALLOCATION, SUSPENSE_RETURN = 9, 10
"""Purposes of a transfer (docs/ledger.md)."""
BANK_ALLOCATION, BANK_REVERSAL, BANK_RETRACTION = 18, 19, 20
WITHIN = frozenset(
    code.to_bytes(8, "big")
    for code in (SUSPENSE_ALLOCATION, SUSPENSE_RETURN, BANK_ALLOCATION, BANK_REVERSAL, BANK_RETRACTION)
)
"""Purposes, as leaves have them, of a transfer that needs a bank's word though it may touch no mirror."""
SAID = {
    1: Said.CREDIT,
    2: Said.CREDIT,
    4: Said.ALLOTTED,
    5: Said.TAKEN,
    6: Said.TAKEN,
    7: Said.CHARGED,
    8: Said.CREDIT,
    9: Said.CREDIT,
}
"""What an entry says by its purpose; of any other it brings no money."""
REPAID = 9
"""The purpose of an entry whose money is not a client's: the platform owes so much less."""
ANSWERS = {7: Said.SETTLED, 8: Said.FAILED}
"""Directives that a bank's answer brings about."""
ENDS = ("REJECTED", "CANCELLED", "EXPIRED")
"""States in which custody never posts a payment; one that has FAILED was voided, which may come later in the log."""

Fields = Mapping[str, Any]
Account = tuple[bytes, bytes]
"""Tenant, account."""


def _before(name: str, kind_and_length: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + kind_and_length


_DEBIT, _CREDIT = (_before(name, b"\x02\x00\x10") for name in ("debit_account_id", "credit_account_id"))
_CODE = _before("code", b"\x01\x00\x08")
_TRANSFER = prefix("custody.transfer.v1")
_STEP = prefix("payment-instruction.step.v1")
_ENDS = tuple(each.encode() for each in ENDS)


def _has(leaves: bytes, start: bytes) -> bool:
    """Tells whether there may be leaves of a kind that say something: of steps few do."""
    return start in leaves and (start != _STEP or any(each in leaves for each in _ENDS))


@dataclass(frozen=True, slots=True)
class Window:
    """A migration window of a book, as it was opened or, without an end, closed."""

    tenant: bytes
    window: bytes
    until_ns: int


@dataclass(slots=True)
class Facts:
    """What one event of the log says, given which accounts are known so far and which windows are open."""

    accounts: dict[Account, str]
    windows: dict[bytes, Window]
    had_ns: int
    """When the log took the event over."""
    new_accounts: list[tuple[Account, str]] = field(default_factory=list)
    new_windows: list[Window] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    ended: list[bytes] = field(default_factory=list)
    """Payments, by their transfer, that nothing becomes of any more."""
    bookings: list[Booking] = field(default_factory=list)
    evidence: list[Booking] = field(default_factory=list)
    """What rests on evidence: transfers by id, and what they name."""
    first_named: int | None = None
    """The first leaf of a transfer that names evidence."""
    _mirrors: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Notes under which ids there are mirrors, of whatever book: few leaves name one."""
        self._mirrors = {account for (_, account), kind in self.accounts.items() if kind == MIRROR}

    def read(self, event: Taken) -> Facts:
        """Takes in the leaves of an event; what lacks a field says nothing, and proves nothing."""
        takers = _TAKERS.get(event.source, {})
        starts = tuple(takers)
        bundle = bundle_of(event) if starts else b""
        if not any(_has(bundle, start) for start in starts):
            return self
        leaves = leaves_of(event)
        streams = _streams(leaves[-1])
        for index, leaf in enumerate(leaves, event.first_leaf):
            if not leaf.startswith(starts) or not self._concerns(leaf):
                continue
            kind, fields = decode(leaf)
            tenant = fields.get("tenant_id") or streams.get(fields.get("position", 0))
            take = takers[prefix(kind)]
            if isinstance(tenant, bytes):
                with suppress(KeyError):
                    take(self, index, tenant, fields)
        return self

    def join(self) -> list[Booking]:
        """Notes what the bookings of this event rest on; returns what is of earlier ones, or of none."""
        here = {(each.transfer, each.tenant): each for each in self.bookings if each.move is not Move.ALLOCATION}
        others = []
        for each in self.evidence:
            booking = here.get((each.transfer, each.tenant))
            if booking is None:
                others.append(each)
            else:
                booking.file, booking.entry, booking.feed = each.file, each.entry, each.feed
        return others

    def _concerns(self, leaf: bytes) -> bool:
        """Tells whether a transfer touches a mirror, or moves what an entry has brought; ids alone may mislead."""
        if not leaf.startswith(_TRANSFER):
            return not leaf.startswith(_STEP) or _has(leaf, _STEP)
        # It is asked of every transfer there is: each field is looked for after the one that stands before it.
        code = leaf.find(_CODE) + len(_CODE)
        if leaf[code : code + 8] in WITHIN:
            return True
        credit = leaf.find(_CREDIT, code) + len(_CREDIT)
        if leaf[credit : credit + ID_BYTES] in self._mirrors:
            return True
        debit = leaf.find(_DEBIT, credit) + len(_DEBIT)
        return leaf[debit : debit + ID_BYTES] in self._mirrors

    def _account(self, index: int, tenant: bytes, fields: Fields) -> None:
        kind, account = fields["account_class"], fields["account_id"]
        if kind in (MIRROR, SUSPENSE):
            self.accounts[tenant, account] = kind
            self.new_accounts.append(((tenant, account), kind))
            if kind == MIRROR:
                self._mirrors.add(account)

    def _transfer(self, index: int, tenant: bytes, fields: Fields) -> None:
        flags, debit, credit = fields["flags"], fields["debit_account_id"], fields["credit_account_id"]
        if flags & PENDING:
            return
        is_from, is_to = (self.accounts.get((tenant, each)) == MIRROR for each in (debit, credit))
        mirror, other = (debit, credit) if is_from else (credit, debit)
        window = self.windows.get(tenant)
        booking = Booking(
            leaf=index,
            move=Move.POST if flags & POST else Move.VOID if flags & VOID else Move.IN if is_from else Move.OUT,
            tenant=tenant,
            transfer=fields["transfer_id"],
            time_ns=fields["time_ns"],
            amount_minor=fields["amount_minor"],
            ledger=fields["ledger"],
            mirror=mirror,
            other=other,
            is_suspense=self.accounts.get((tenant, other)) == SUSPENSE,
            pending=_id(fields, "pending_id"),
            imported=window is not None and fields["time_ns"] < window.until_ns,
            had_ns=self.had_ns,
        )
        if is_from or is_to:
            self.bookings.append(booking)
        elif fields["code"] == BANK_ALLOCATION:
            self.bookings.append(replace(booking, move=Move.ALLOTTED))
        elif fields["code"] in (BANK_REVERSAL, BANK_RETRACTION):
            self.bookings.append(replace(booking, move=Move.GIVEN))
        moves_suspense = fields["code"] == SUSPENSE_ALLOCATION or (fields["code"] == SUSPENSE_RETURN and flags & POST)
        if moves_suspense and not flags & VOID:
            entry = _id(fields, "user_data_128")
            imported = booking.imported and window is not None and entry == window.window
            self.bookings.append(replace(booking, move=Move.ALLOCATION, entry=entry, imported=imported))

    def _evidence(self, index: int, tenant: bytes, fields: Fields) -> None:
        if self.first_named is None:
            self.first_named = index
        self.evidence.append(
            Booking(
                leaf=index,
                move=Move.ELSEWHERE,
                tenant=tenant,
                transfer=fields["transfer_id"],
                time_ns=fields["time_ns"],
                file=fields["evidence"],
                entry=fields["entry_id"],
                feed=_id(fields, "feed_id"),
                had_ns=self.had_ns,
            )
        )

    def _opened(self, index: int, tenant: bytes, fields: Fields) -> None:
        self._window(Window(tenant, fields["window_id"], fields["until_ns"]))

    def _closed(self, index: int, tenant: bytes, fields: Fields) -> None:
        self._window(Window(tenant, fields["window_id"], 0))

    def _window(self, window: Window) -> None:
        self.windows[window.tenant] = window
        self.new_windows.append(window)

    def _entry(self, index: int, tenant: bytes, fields: Fields) -> None:
        owed = shortfall_account(fields.get("ledger", 0)) if fields["purpose"] == REPAID else None
        word = Word(
            file=fields["file_sha256"],
            subject=fields["entry_id"],
            said=SAID.get(fields["purpose"], Said.DEBIT),
            tenant=tenant,
            time_ns=fields["time_ns"],
            feed=_id(fields, "handed_in_by_id"),
            amount_minor=fields["amount_minor"],
            ledger=fields.get("ledger", 0),
            mirror=_id(fields, "mirror_account_id"),
            client=owed or _id(fields, "client_account_id"),
        )
        self.words.append(word)

    def _directive(self, index: int, tenant: bytes, fields: Fields) -> None:
        said, file = ANSWERS.get(fields.get("directive", 0)), fields.get("evidence")
        if said is not None and file is not None:
            subject = reserving_transfer(tenant, fields["instruction_id"])
            self.words.append(Word(file, subject, said, tenant, fields["time_ns"], _id(fields, "actor_id")))

    def _instruction(self, index: int, tenant: bytes, fields: Fields) -> None:
        creditor = _id(fields, "creditor_account_id")
        if creditor is not None and fields.get("purpose") != SUSPENSE_ALLOCATION:
            return
        payment = Payment(
            tenant=tenant,
            transfer=reserving_transfer(tenant, fields["instruction_id"]),
            amount_minor=fields["amount_minor"],
            ledger=fields.get("ledger", 0),
            debtor=fields["debtor_account_id"],
            creditor=creditor,
            mandate=_id(fields, "mandate_id"),
        )
        self.payments.append(payment)

    def _step(self, index: int, tenant: bytes, fields: Fields) -> None:
        if fields["status"] in ENDS:
            self.ended.append(reserving_transfer(tenant, fields["instruction_id"]))


_TAKERS: Mapping[str, Mapping[bytes, Callable[[Facts, int, bytes, Fields], None]]] = {
    "custody": {
        prefix("custody.account.v1"): Facts._account,
        _TRANSFER: Facts._transfer,
        prefix("custody.transfer_evidence.v1"): Facts._evidence,
        prefix("custody.migration_opened.v1"): Facts._opened,
        prefix("custody.migration_closed.v1"): Facts._closed,
    },
    "payment-instruction": {
        prefix("payment-instruction.instruction.v1"): Facts._instruction,
        _STEP: Facts._step,
        prefix("payment-instruction.directive.v1"): Facts._directive,
        prefix("payment-instruction.bank_entry.v1"): Facts._entry,
    },
}


def _id(fields: Fields, name: str) -> bytes | None:
    """Gives an id, None where it is not there or zero."""
    value: bytes | None = fields.get(name)
    return value if value != ZERO_ID else None


def _streams(page_leaf: bytes) -> dict[Value, bytes]:
    """Gives the stream of each event of a page by its position: a book's events stand in that of its tenant."""
    page = page_events(page_leaf)
    return {page.first + at: each.stream for at, each in enumerate(page.events)}
