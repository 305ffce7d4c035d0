"""D4, large transactions: whose receipts or payments of a day come to a sum that is to be reported, and from what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ringfence_audit.reports.domain.facts import Fact
from ringfence_audit.reports.domain.report import Cell, Kind, Report, Table, Under, table
from ringfence_audit.reports.domain.thresholds import (
    DEADLINE,
    NOT_CONVERTED,
    THRESHOLDS,
    Threshold,
    criteria_of,
    lowest,
    threshold,
)

NAME = "D4"
TRANSFER = "custody.transfer.v1"
PENDING, VOID = 2, 8
NOT_COUNTED = frozenset({14, 19, 20, 22})
"""Purposes that put something right: corrections, and what a bank takes back or restores."""
RECEIPT, PAYMENT = "01", "02"
NOT_KEPT, NO_RATE, UNKNOWN_KIND, FIVE_DAYS = "not_kept_here", "no_rate", "no_party", "five_working_days"
CANDIDATES = (
    ("criterion", Kind.CODE),
    ("customer", Kind.ID),
    ("customer_kind", Kind.WORD),
    ("direction", Kind.CODE),
    ("currency", Kind.CURRENCY),
    ("amount", Kind.AMOUNT),
    ("threshold", Kind.AMOUNT),
    ("finding", Kind.WORD),
    ("transactions_counted", Kind.COUNT),
    ("cross_border", Kind.TEXT),
    ("due", Kind.DAY),
)
TRANSACTIONS = (
    ("customer", Kind.ID),
    ("transfer", Kind.ID),
    ("account", Kind.ID),
    ("direction", Kind.CODE),
    ("currency", Kind.CURRENCY),
    ("amount", Kind.AMOUNT),
    ("time", Kind.TIME),
    ("counterparty", Kind.ID),
)
UNDECIDED = (
    ("currency", Kind.CURRENCY),
    ("direction", Kind.CODE),
    ("customers", Kind.COUNT),
    ("largest", Kind.AMOUNT),
    ("finding", Kind.WORD),
    ("citation", Kind.TEXT),
)
RULES = (
    ("criterion", Kind.CODE),
    ("who", Kind.WORD),
    ("currency", Kind.CURRENCY),
    ("threshold", Kind.AMOUNT),
    ("citation", Kind.TEXT),
)
FIELDS = (("field", Kind.CODE), ("held", Kind.TEXT))
HELD: Mapping[str, str] = {
    "CRCD": "criterion", "CSID": "customer", "CITP": "customer_kind", "CATP": "account", "TSDR": "direction",
    "TSTP": "time", "CRTP": "currency", "CRAT": "amount", "TCAC": "counterparty",
}  # fmt: skip
MISSING = (
    "RICD", "FINC", "RLFC", "CTNM", "CTID", "CTNT", "CTVC", "CCTL", "TBIT", "TBID", "TBNT", "TRCD", "TCNM", "TCIT",
    "TCID", "TCAT", "CFCT", "CFRC", "OCTT", "OCEC",
)  # fmt: skip
"""Fields of the report that neither books nor log have in clear: names and documents are sealed with identity."""


@dataclass(slots=True)
class Sum:
    """What a customer received, or paid, in one currency on one day."""

    customer: bytes
    direction: str
    ledger: int
    minor: int = 0
    facts: list[Fact] = field(default_factory=list)

    @property
    def leaves(self) -> tuple[int, ...]:
        """The transfers that it is of."""
        return tuple(fact.index for fact in self.facts)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sum that meets a criterion, or goes with one that does, being of the same customer and direction."""

    criterion: str
    sum: Sum
    over: Threshold | None


def sums_of(facts: Iterable[Fact]) -> list[Sum]:
    """Returns receipts and payments of each customer and currency, in order; what goes to oneself is neither."""
    found: dict[tuple[bytes, str, int], Sum] = {}
    for fact in facts:
        if fact.kind != TRANSFER or fact.number("flags") & (PENDING | VOID) or fact.number("code") in NOT_COUNTED:
            continue
        debtor, creditor = fact.bytes_of("debit_owner_id"), fact.bytes_of("credit_owner_id")
        for customer, direction in ((creditor, RECEIPT), (debtor, PAYMENT)):
            if customer.strip(b"\0") and debtor != creditor:
                ledger = fact.number("ledger")
                each = found.setdefault((customer, direction, ledger), Sum(customer, direction, ledger))
                each.minor += fact.number("amount_minor")
                each.facts.append(fact)
    return [found[key] for key in sorted(found)]


def decided_by_kind(sums: Iterable[Sum]) -> set[bytes]:
    """Returns the customers of whom it matters what they are; all others' sums come to the same for anybody."""
    return {some[0].customer for some in _together(sums) if _hangs_on_kind(some)}


def candidates_of(sums: Sequence[Sum], kinds: Mapping[bytes, str]) -> tuple[list[Candidate], list[Sum]]:
    """Returns what is to be reported, and sums that no test decides, since their currencies were to be converted.

    One currency over its threshold is enough, and the others are reported with it; several below it are undecided.
    """
    found, undecided = list[Candidate](), dict[int, Sum]()
    for some in _together(sums):
        if not _hangs_on_kind(some):
            undecided |= {id(each): each for each in some if lowest(each.ledger) is None}
            continue
        for criterion in criteria_of(kinds.get(some[0].customer, "")) or ("",):
            over = {id(each): rule for each in some if (rule := _met(criterion, each))}
            if over:
                found += [Candidate(criterion, each, over.get(id(each))) for each in some]
            elif len(some) > 1 or threshold(criterion, some[0].ledger) is None:
                undecided |= {id(each): each for each in some}
    return found, list(undecided.values())


def large(facts: Sequence[Fact], parties: Mapping[bytes, Fact], tenant: bytes, day: int, under: Under) -> Report:
    """Returns the report of a day (UTC), given the platform's facts of it and what identity says of its customers."""
    kinds = {customer: fact.text("kind") for customer, fact in parties.items()}
    all_sums = sums_of(facts)
    candidates, undecided = candidates_of(all_sums, kinds)
    sums = list({id(each.sum): each.sum for each in candidates}.values())
    tables = (
        table("candidates", CANDIDATES, [_candidate(each, parties) for each in candidates]),
        table("transactions", TRANSACTIONS, [row for each in sums for row in _transactions(each)]),
        _undecided(undecided, kinds, decided_by_kind(all_sums)),
        table("rules", RULES, [_rule(each) for each in THRESHOLDS]),
        table("fields", FIELDS, list(_fields())),
    )
    return Report(NAME, tenant, day, day, tables, under)


def _together(sums: Iterable[Sum]) -> list[list[Sum]]:
    """Returns the sums of each customer and direction, in order."""
    together = defaultdict[tuple[bytes, str], list[Sum]](list)
    for each in sums:
        together[each.customer, each.direction].append(each)
    return list(together.values())


def _hangs_on_kind(some: Sequence[Sum]) -> bool:
    """Tells whether it matters what a customer is for what comes of a direction's sums.

    One sum in a currency without thresholds is undecided, and one below all thresholds is no candidate, of anybody.
    """
    least = lowest(some[0].ledger)
    return len(some) > 1 or (least is not None and some[0].minor >= least)


def _met(criterion: str, each: Sum) -> Threshold | None:
    rule = threshold(criterion, each.ledger)
    return rule if rule and each.minor >= rule.minor else None


def _candidate(each: Candidate, parties: Mapping[bytes, Fact]) -> list[Cell]:
    found, party, over = each.sum, parties[each.sum.customer], each.over
    return [
        Cell(each.criterion, found.leaves),
        Cell(found.customer, found.leaves),
        Cell(party.text("kind").lower(), (party.index,)),
        Cell(found.direction, found.leaves),
        Cell(found.ledger, found.leaves),
        Cell(found.minor, found.leaves),
        Cell(over.minor, (), "by_the_rules") if over else Cell(None, (), NO_RATE),
        Cell("over" if over else "combined", found.leaves),
        Cell(len(found.facts), found.leaves),
        Cell(None, (), NOT_KEPT),
        Cell(None, (), FIVE_DAYS),
    ]


def _transactions(each: Sum) -> Iterator[list[Cell]]:
    ours, theirs = ("credit", "debit") if each.direction == RECEIPT else ("debit", "credit")
    for fact in each.facts:
        leaves = (fact.index,)
        yield [
            Cell(each.customer, leaves),
            fact.cell("transfer_id"),
            fact.cell(f"{ours}_account_id"),
            Cell(each.direction, leaves),
            Cell(each.ledger, leaves),
            fact.cell("amount_minor"),
            fact.cell("time_ns"),
            fact.cell(f"{theirs}_account_id"),
        ]


def _undecided(sums: Sequence[Sum], kinds: Mapping[bytes, str], asked: Collection[bytes]) -> Table:
    """Returns how many customers' sums are left to whoever has rates, by currency and direction."""
    found = defaultdict[tuple[int, str, str], list[Sum]](list)
    for each in sums:
        is_unknown = each.customer in asked and not kinds.get(each.customer)
        found[each.ledger, each.direction, UNKNOWN_KIND if is_unknown else NO_RATE].append(each)
    rows = []
    for (ledger, direction, why), some in sorted(found.items()):
        leaves = tuple(sorted({index for each in some for index in each.leaves}))
        largest = max(some, key=lambda each: each.minor)
        rows.append(
            [
                Cell(ledger, leaves),
                Cell(direction, leaves),
                Cell(len({each.customer for each in some}), leaves),
                Cell(largest.minor, largest.leaves),
                Cell(why, leaves),
                Cell(NOT_CONVERTED, leaves),
            ]
        )
    return table("undecided", UNDECIDED, rows)


def _rule(each: Threshold) -> list[Cell]:
    return [Cell(each.criterion), Cell(each.who.value), Cell(each.ledger), Cell(each.minor), Cell(each.citation)]


def _fields() -> Iterator[list[Cell]]:
    for name, column in HELD.items():
        yield [Cell(name), Cell(column)]
    for name in MISSING:
        yield [Cell(name), Cell(None, (), NOT_KEPT)]
    yield [Cell("due"), Cell(DEADLINE)]
