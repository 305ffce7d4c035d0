"""Each day's figures once more, from the audit log alone: accounts, transfers and statements, no code of custody's.

Of news that no bank has booked, and of what a bank has otherwise than the books, the log states sums only, by mirror;
all else is added up from transfers. The last
line of a document, how many breaks were open, is left to the breaks' own tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ringfence_local_stack.scenario import Scenario, eventually
from ringfence_verifier import Fact, read_leaf

PENDING, POST, VOID = 2, 4, 8
OWN = frozenset({"PLATFORM", "FEE", "GUARANTEE"})
SIGNED = "custody.safeguarding_signed.v1"
SHORTFALL = b"shortfall"
_EPOCH = date(1970, 1, 1)


@dataclass
class Holder:
    """An account: its class, currency and platform, and what was posted and reserved on it, debits above zero."""

    kind: str
    ledger: int
    tenant: bytes
    debits: int = 0
    credits: int = 0
    reserved: int = 0


@dataclass(frozen=True)
class Statement:
    """What a bank closes with."""

    first_day: int
    last_day: int
    closing: int


@dataclass
class Log:
    """Reads custody's facts in their order."""

    holders: dict[bytes, Holder] = field(default_factory=dict)
    transfers: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    statements: dict[bytes, list[Statement]] = field(default_factory=dict)
    cuts: dict[bytes, str] = field(default_factory=dict)
    mirrors: dict[bytes, list[tuple[int, bytes, int]]] = field(default_factory=dict)
    compared: dict[tuple[bytes, int], Mapping[str, Any]] = field(default_factory=dict)
    late: set[bytes] = field(default_factory=set)

    def read(self, facts: Iterable[Fact]) -> Iterator[tuple[bytes, str, str]]:
        """Yields of each computation its day, what was signed for, and what it comes to from facts before it."""
        for fact in facts:
            values = fact.fields
            match fact.kind.removeprefix("custody."):
                case "account.v1":
                    holder = Holder(values["account_class"], values["ledger"], values["tenant_id"])
                    self.holders[values["account_id"]] = holder
                case "transfer.v1":
                    self._post(values)
                case "mirror_compared.v1":
                    self.compared[values["day_id"], values["number"]] = values
                case "statement_noted.v1":
                    found = Statement(values["first_day"], values["last_day"], values["closing_minor"])
                    self.statements.setdefault(values["mirror_id"], []).append(found)
                case "safeguarding_cut.v1":
                    self.cuts[values["day_id"]] = self._books(values["tenant_id"], values["ledger"])
                    if values["is_late"]:
                        self.late.add(values["day_id"])
                    self.mirrors[values["day_id"]] = self._mirrors(values["tenant_id"], values["ledger"])
                case "safeguarding_computed.v1":
                    yield values["day_id"], values["document"], self._document(values)

    def _holder(self, account: bytes, values: Mapping[str, Any]) -> Holder:
        if account not in self.holders:
            assert account.startswith(SHORTFALL), account.hex()
            account += values["tenant_id"]
        return self.holders.setdefault(account, Holder("SHORTFALL", values["ledger"], values["tenant_id"]))

    def _post(self, values: Mapping[str, Any]) -> None:
        flags, amount = values["flags"], values["amount_minor"]
        self.transfers[values["transfer_id"]] = values
        debit, credit = values["debit_account_id"], values["credit_account_id"]
        first = self.transfers[values["pending_id"]] if flags & (POST | VOID) else None
        if first is not None:
            debit, credit = first["debit_account_id"], first["credit_account_id"]
            self._holder(debit, values).reserved -= first["amount_minor"]
        if flags & PENDING:
            self._holder(debit, values).reserved += amount
        elif not flags & VOID:
            self._holder(debit, values).debits += amount
            self._holder(credit, values).credits += amount

    def _of(self, tenant: bytes, ledger: int, *kinds: str) -> list[tuple[bytes, Holder]]:
        wanted = ((account, each) for account, each in self.holders.items() if each.kind in kinds)
        return [found for found in wanted if (found[1].tenant, found[1].ledger) == (tenant, ledger)]

    def _sum(self, tenant: bytes, ledger: int, *kinds: str) -> int:
        return sum(each.credits - each.debits for _, each in self._of(tenant, ledger, *kinds))

    def _mirrors(self, tenant: bytes, ledger: int) -> list[tuple[int, bytes, int]]:
        found = enumerate(self._of(tenant, ledger, "BANK_MIRROR"), start=1)
        return [(number, account, each.debits - each.credits) for number, (account, each) in found]

    def _books(self, tenant: bytes, ledger: int) -> str:
        balances = [each.credits - each.debits for _, each in self._of(tenant, ledger, "CLIENT")]
        held = sum(each.reserved for _, each in self._of(tenant, ledger, "CLIENT"))
        figures = {
            "clients": sum(each for each in balances if each > 0),
            "suspense": self._sum(tenant, ledger, "SUSPENSE"),
            "own": self._sum(tenant, ledger, *OWN),
            "owed": -self._sum(tenant, ledger, "SHORTFALL"),
            "held": held,
            "mirrored": -self._sum(tenant, ledger, "BANK_MIRROR"),
        }
        return " ".join(f"{name} {value}" for name, value in figures.items())

    def _document(self, values: Mapping[str, Any]) -> str:
        words = self.cuts[values["day_id"]].split()
        books = dict(zip(words[::2], map(int, words[1::2]), strict=True))
        day = values["day"]
        banks = [self._bank(values["day_id"], *mirror, day) for mirror in self.mirrors[values["day_id"]]]
        unplaced, overdue = sum(each["unplaced"] for each in banks), sum(each["overdue"] for each in banks)
        requirement = books["clients"] + books["suspense"]
        resource = books["mirrored"] - books["own"]
        lines = [
            "ringfence-safeguarding/1",
            f"day {_EPOCH + timedelta(day)} pool {values['pool']} currency {values['ledger']:03d}"
            f" version {values['version']}{' late' if values['day_id'] in self.late else ''}",
            f"requirement {requirement} clients {books['clients']} suspense {books['suspense']}",
            f"resource {resource} funds {resource - unplaced} unplaced {unplaced} assets 0 insurance 0",
            f"internal {resource - requirement}",
            f"received overdue {overdue}",
            *(
                f"mirror {each['number']} books {each['mirror']} bank {each['bank']}"
                f" between {each['between']} difference {each['difference']}"
                for each in banks
            ),
            f"external {sum(abs(each['difference']) for each in banks)}",
            f"own {books['own']} owed {books['owed']} held {books['held']}",
        ]
        return "\n".join(lines) + "\n"

    def _bank(self, day_id: bytes, number: int, mirror: bytes, held: int, day: int) -> dict[str, int]:
        # Of several of one day the last one closes it.
        by_last_day = {each.last_day: each for each in self.statements[mirror]}
        statements = [by_last_day[last] for last in sorted(by_last_day)]
        closing = next(each for each in statements if each.first_day <= day <= each.last_day).closing
        stated = self.compared[day_id, number]
        difference = stated["difference_minor"]
        return {
            "number": number,
            "mirror": held,
            "bank": closing,
            "between": difference - closing + held,
            "difference": difference,
            "unplaced": stated["unplaced_minor"],
            "overdue": stated["overdue_minor"],
        }


def facts_of(scenario: Scenario, signed: int) -> list[Fact]:
    """The whole log once it has so many signed days; raises AssertionError after a minute."""
    facts: list[Fact] = []

    def look() -> bool:
        facts[:] = [read_leaf(each.content) for each in scenario.regulator.audit.leaves()]
        return sum(each.kind == SIGNED for each in facts) >= signed

    assert eventually(look, 60.0)
    return facts


def differences(facts: Iterable[Fact]) -> list[str]:
    """Returns where what was computed is not what the log says, in words; raises LookupError for a log without days."""
    found, days = [], 0
    for _, signed, again in Log().read(facts):
        days += 1
        without_breaks = "".join(signed.splitlines(keepends=True)[:-1])
        if without_breaks != again:
            found.append(f"signed:\n{signed}again:\n{again}")
    if not days:
        raise LookupError("the log states no computation")
    return found
