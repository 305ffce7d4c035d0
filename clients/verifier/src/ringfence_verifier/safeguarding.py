"""Safeguarding days: a day's figures computed again from its leaves, and held to what people have signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact, read_leaf

_EPOCH = date(1970, 1, 1)
CUT = "custody.safeguarding_cut.v1"
MIRROR_CUT = "custody.mirror_cut.v1"
MIRROR_COMPARED = "custody.mirror_compared.v1"
COMPUTED = "custody.safeguarding_computed.v1"
PREPARED = "custody.safeguarding_prepared.v1"
REVIEWED = "custody.safeguarding_reviewed.v1"
SIGNED = "custody.safeguarding_signed.v1"
REOPENED = "custody.safeguarding_reopened.v1"
_VERSIONED = (COMPUTED, PREPARED, REVIEWED, SIGNED)


@dataclass(frozen=True)
class VerifiedDay:
    """A signed day whose figures follow from its leaves; amounts are in the document, ids have 16 bytes."""

    tenant_id: bytes
    pool: str
    ledger: int
    day: date
    version: int
    document: str
    prepared_by: bytes
    reviewed_by: bytes
    signed_by: bytes


def verify_safeguarding(leaves: Iterable[bytes]) -> VerifiedDay:
    """Computes the newest version of a day from its leaves, in any order, and compares it with its signature.

    Requirement, resource, comparisons and text come from what was cut of the books and what the banks said
    (docs/formats.md). Raises VerificationError where a leaf is missing or of another day, where one sum does not
    follow, where the text is not the signed one, or where one person has prepared and reviewed.
    """
    facts = [read_leaf(leaf) for leaf in leaves]
    cut = _only(CUT, facts)
    _require_one_day(cut, facts)
    signed, version = _signed(facts)
    of_version = {kind: _only(kind, facts, version) for kind in _VERSIONED}
    mirrors, compared = _mirrors(cut, facts, version)
    computed = of_version[COMPUTED]
    figures = _figures(cut, mirrors, compared, computed)
    for name, value in figures.items():
        if computed.integer(name) != value:
            raise VerificationError(f"{name} is {computed.integer(name)}, and comes to {value} from the leaves")
    text = _document(cut, compared, computed, figures)
    for fact in (computed, signed):
        if fact.content("document_sha256") != sha256(text.encode()).digest():
            raise VerificationError(f"the figures do not come to the text whose SHA-256 is in {fact.kind}")
    prepared, reviewed = of_version[PREPARED], of_version[REVIEWED]
    for name in ("principal_id", "person_id"):
        if prepared.content(name) == reviewed.content(name):
            raise VerificationError("whoever has prepared the day has reviewed it")
    return VerifiedDay(
        cut.content("tenant_id"),
        cut.text("pool"),
        cut.integer("ledger"),
        _day(cut),
        version,
        text,
        prepared.content("principal_id"),
        reviewed.content("principal_id"),
        signed.content("principal_id"),
    )


def day_id(tenant_id: bytes, pool: str, ledger: int, day: date) -> bytes:
    """Gives the id by which the leaves of a day are found."""
    parts = (b"safeguarding-day", tenant_id, f"{pool}|{ledger}|{(day - _EPOCH).days}".encode())
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()[:16]


def _day(cut: Fact) -> date:
    try:
        return _EPOCH + timedelta(cut.integer("day"))
    except OverflowError as error:
        raise VerificationError(f"{cut.integer('day')} is no day of the calendar") from error


def _require_one_day(cut: Fact, facts: Sequence[Fact]) -> None:
    named = day_id(cut.content("tenant_id"), cut.text("pool"), cut.integer("ledger"), _day(cut))
    for fact in facts:
        if fact.content("day_id") != named:
            raise VerificationError(f"a leaf of {fact.kind} is of another day")


def _signed(facts: Sequence[Fact]) -> tuple[Fact, int]:
    """Gives the signature of the newest version, which nothing has reopened since."""
    version = max((fact.integer("version") for fact in facts if fact.kind in (COMPUTED, REOPENED)), default=0)
    if not any(fact.kind == SIGNED and fact.integer("version") == version for fact in facts):
        raise VerificationError(f"version {version} of the day is not signed")
    return _only(SIGNED, facts, version), version


def _only(kind: str, facts: Sequence[Fact], version: int | None = None) -> Fact:
    found = [fact for fact in facts if fact.kind == kind and version in (None, fact.fields.get("version"))]
    if len(found) != 1:
        raise VerificationError(f"there are {len(found)} leaves of {kind}, and there is one for each version")
    return found[0]


def _mirrors(cut: Fact, facts: Sequence[Fact], version: int) -> tuple[list[Fact], list[Fact]]:
    """Gives what was cut of each mirror and what its bank said, in order of their numbers."""
    mirrors = [fact for fact in facts if fact.kind == MIRROR_CUT]
    compared = [fact for fact in facts if fact.kind == MIRROR_COMPARED and fact.integer("version") == version]
    for found, what in ((mirrors, "was cut"), (compared, "was compared")):
        found.sort(key=lambda fact: fact.integer("number"))
        each_once = [fact.integer("number") for fact in found] == list(range(1, len(found) + 1))
        if not each_once or len(found) != cut.integer("mirrors"):
            raise VerificationError(f"not every mirror {what} once")
    if [fact.content("mirror_id") for fact in mirrors] != [fact.content("mirror_id") for fact in compared]:
        raise VerificationError("a mirror that was compared is not the one that was cut")
    return mirrors, compared


def _figures(cut: Fact, mirrors: Sequence[Fact], compared: Sequence[Fact], computed: Fact) -> Mapping[str, int]:
    """Computes what CASS 15.8 asks for, by the names of the leaf that states it."""
    for mirror, bank in zip(mirrors, compared, strict=True):
        balance = mirror.integer("debits_minor") - mirror.integer("credits_minor")
        if bank.integer("mirror_minor") != balance:
            raise VerificationError(f"mirror {bank.integer('number')} was not compared as it was cut")
        if bank.integer("difference_minor") != bank.integer("bank_minor") - (balance - _between(bank)):
            raise VerificationError(f"the difference of mirror {bank.integer('number')} does not follow")
    requirement = cut.integer("clients_minor") + cut.integer("suspense_minor")
    unplaced = sum(bank.integer("unplaced_minor") for bank in compared)
    mirrored = sum(each.integer("debits_minor") - each.integer("credits_minor") for each in mirrors)
    funds = mirrored - cut.integer("own_minor") - unplaced
    resource = funds + unplaced + computed.integer("assets_minor") + computed.integer("insurance_minor")
    return {
        "requirement_minor": requirement,
        "funds_minor": funds,
        "unplaced_minor": unplaced,
        "resource_minor": resource,
        "internal_minor": resource - requirement,
        "overdue_minor": sum(bank.integer("overdue_minor") for bank in compared),
        "external_minor": sum(abs(bank.integer("difference_minor")) for bank in compared),
    }


def _between(bank: Fact) -> int:
    return bank.integer("later_minor") + bank.integer("unbooked_minor")


def _document(cut: Fact, compared: Sequence[Fact], computed: Fact, figures: Mapping[str, int]) -> str:
    """Writes the canonical text of a day."""
    day = _day(cut)
    lines = [
        "ringfence-safeguarding/1",
        f"day {day} pool {cut.text('pool')} currency {cut.integer('ledger'):03d} version {computed.integer('version')}"
        f"{' late' if cut.integer('is_late') else ''}",
        f"requirement {figures['requirement_minor']} clients {cut.integer('clients_minor')}"
        f" suspense {cut.integer('suspense_minor')}",
        f"resource {figures['resource_minor']} funds {figures['funds_minor']} unplaced {figures['unplaced_minor']}"
        f" assets {computed.integer('assets_minor')} insurance {computed.integer('insurance_minor')}",
        f"internal {figures['internal_minor']}",
        f"received overdue {figures['overdue_minor']}",
        *(
            f"mirror {bank.integer('number')} books {bank.integer('mirror_minor')} bank {bank.integer('bank_minor')}"
            f" between {_between(bank)} difference {bank.integer('difference_minor')}"
            for bank in compared
        ),
        f"external {figures['external_minor']}",
        f"own {cut.integer('own_minor')} owed {cut.integer('owed_minor')} held {cut.integer('held_minor')}",
        f"breaks {computed.integer('breaks')}",
    ]
    return "\n".join(lines) + "\n"
