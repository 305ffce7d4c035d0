"""A small, slow, obviously right decision of accounts: every account is an object, every chain a copy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_kernel.values.ids import MAX_ID

from .ledger import CZK, EUR, OWNER, id_of

ZERO = bytes(16)
LINKED, DEBITS_LIMITED, CREDITS_LIMITED, HISTORY, CLOSED, COVERED = 1, 2, 4, 8, 32, 256
KNOWN_FLAGS = LINKED | DEBITS_LIMITED | CREDITS_LIMITED | HISTORY | CLOSED | COVERED
BY_ORDER, OWNER_BLOCKED = 1, 2
S = AccountStatus


@dataclass(frozen=True)
class Asked:
    """An account to open."""

    id: str | bytes
    owner: bytes = OWNER
    account_class: int = AccountClass.CLIENT
    ledger: int = EUR
    code: int = 1
    flags: int = 0
    user_data_128: bytes = ZERO
    user_data_64: int = 0
    user_data_32: int = 0


@dataclass(frozen=True)
class Opened:
    """An account as it stands: what was asked for, with the limit of its class, and what became of it."""

    asked: Asked
    timestamp: int
    status: AccountStatus
    holds: int = 0


@dataclass
class AccountsModel:
    """The accounts of a book in order of creation, by id, and what is known of owners."""

    accounts: dict[bytes, Opened] = field(default_factory=dict)
    standings: dict[bytes, Standing] = field(default_factory=dict)

    def copy(self) -> AccountsModel:
        """Returns a model that goes its own way from here."""
        return AccountsModel(dict(self.accounts), dict(self.standings))

    def send(self, rows: list[Asked], base: int) -> list[tuple[str, int]]:
        """Decides a batch, one row after the other; returns the result and the time of each."""
        results: list[tuple[str, int]] = []
        before: dict[bytes, Opened] | None = None
        start, broken = 0, False
        for index, row in enumerate(rows):
            is_linked, is_last = bool(row.flags & LINKED), index == len(rows) - 1
            if is_linked and before is None:
                before, start = dict(self.accounts), index
            if is_linked and is_last:
                result = "linked_event_chain_open", 0
            elif broken:
                result = "linked_event_failed", 0
            else:
                result = self.decide(row, base + index)
            results.append(result)
            if result[0] != "created" and before is not None and not broken:
                broken, self.accounts = True, before
                results[start:index] = [("linked_event_failed", 0)] * (index - start)
            if before is not None and (not is_linked or is_last):
                before, broken = None, False
        return results

    def decide(self, row: Asked, now: int) -> tuple[str, int]:
        """Decides one row."""
        identifier = id_of(row.id)
        if row.flags & ~KNOWN_FLAGS:
            return "reserved_flag", 0
        if identifier in (ZERO, MAX_ID):
            return "id_must_not_be_zero" if identifier == ZERO else "id_must_not_be_int_max", 0
        if identifier in self.accounts:
            return self.compare(row, self.accounts[identifier])
        if wrong := malformed(row):
            return wrong, 0
        standing = self.standings.get(row.owner, Standing.UNKNOWN)
        is_open = row.owner == ZERO or standing is Standing.ADMITTED
        holds = OWNER_BLOCKED if row.owner != ZERO and standing is Standing.BLOCKED else 0
        asked = replace(row, flags=with_limit(row.flags, row.account_class))
        status = S.ACTIVE if is_open else S.PENDING_KYC
        if row.account_class == AccountClass.BANK_MIRROR:
            status = S.PENDING_LETTER
        self.accounts[identifier] = Opened(asked, now, status, holds)
        return "created", now

    def compare(self, row: Asked, opened: Opened) -> tuple[str, int]:
        """Compares a resent row with the account that has its id."""
        stored = opened.asked
        row = replace(row, flags=with_limit(row.flags, stored.account_class))
        for name, field_name in (
            ("flags", "flags"),
            ("user_data_128", "user_data_128"),
            ("user_data_64", "user_data_64"),
            ("user_data_32", "user_data_32"),
            ("ledger", "ledger"),
            ("code", "code"),
            ("account_class", "account_class"),
            ("owner_id", "owner"),
        ):
            if getattr(row, field_name) != getattr(stored, field_name):
                return f"exists_with_different_{name}", 0
        return "exists", opened.timestamp

    def learn(self, owner: bytes, standing: Standing) -> None:
        """Takes in what identity says of an owner; what is known already changes nothing."""
        if self.standings.get(owner, Standing.UNKNOWN) is standing:
            return
        self.standings[owner] = standing
        for identifier, each in self.accounts.items():
            if each.asked.owner == owner and each.status is not S.REJECTED:
                self.accounts[identifier] = after(each, standing)

    def hold(self, identifier: bytes, *, frozen: bool) -> None:
        """Takes in an order, or its end."""
        each = self.accounts[identifier]
        if each.status is not S.REJECTED or not frozen:
            self.accounts[identifier] = replace(each, holds=each.holds & ~BY_ORDER | (BY_ORDER if frozen else 0))

    def close(self, identifier: bytes, *, closed: bool) -> None:
        """Takes in a closing transfer, or its void."""
        each = self.accounts[identifier]
        flags = each.asked.flags & ~CLOSED | (CLOSED if closed else 0)
        self.accounts[identifier] = replace(each, asked=replace(each.asked, flags=flags))


def malformed(row: Asked) -> str:
    """Names the first thing that is wrong with an account to open; empty where nothing is."""
    is_mirror, is_client = row.account_class == AccountClass.BANK_MIRROR, row.account_class == AccountClass.CLIENT
    both_limits = row.flags & DEBITS_LIMITED and row.flags & CREDITS_LIMITED
    limited_cover = row.flags & COVERED and row.flags & DEBITS_LIMITED
    opposite = row.flags & (DEBITS_LIMITED if is_mirror else CREDITS_LIMITED)
    checks = [
        (both_limits or limited_cover, "flags_are_mutually_exclusive"),
        (not row.ledger, "ledger_must_not_be_zero"),
        (not row.code, "code_must_not_be_zero"),
        (row.ledger not in (EUR, CZK), "ledger_not_a_currency"),
        (not 1 <= row.account_class <= 7, "account_class_unknown"),
        (row.account_class == 7, "account_reserved"),
        (opposite or (row.flags & COVERED and not is_client), "flags_not_permitted_for_class"),
        (is_client and row.owner == ZERO, "owner_id_must_not_be_zero"),
    ]
    return next((name for wrong, name in checks if wrong), "")


def with_limit(flags: int, account_class: int) -> int:
    """Returns the flags with the limit that the class has, whether it was asked for or not."""
    if account_class == AccountClass.BANK_MIRROR:
        return flags | CREDITS_LIMITED
    return flags if flags & COVERED else flags | DEBITS_LIMITED


def after(opened: Opened, standing: Standing) -> Opened:
    """Returns an account after its owner's standing changed."""
    status, holds = opened.status, opened.holds
    if standing is Standing.BLOCKED:
        holds |= OWNER_BLOCKED
    elif standing is Standing.ADMITTED:
        status, holds = status if status is S.PENDING_LETTER else S.ACTIVE, holds & ~OWNER_BLOCKED
    elif status is S.ACTIVE:
        status = S.RESTRICTED
    elif status is S.PENDING_KYC and standing is Standing.REFUSED:
        status = S.REJECTED
    return replace(opened, status=status, holds=holds)
