"""Facts of safeguarding days, as leaves state them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ringfence_kernel.values.ids import external_id

from ringfence_audit.log.domain.leaf import Value, decode
from ringfence_audit.reports.domain.report import Cell

POOLS = ("payment-services", "e-money")
CUT = "custody.safeguarding_cut.v1"
MIRROR_CUT = "custody.mirror_cut.v1"
MIRROR_COMPARED = "custody.mirror_compared.v1"
COMPUTED = "custody.safeguarding_computed.v1"
PREPARED = "custody.safeguarding_prepared.v1"
REVIEWED = "custody.safeguarding_reviewed.v1"
SIGNED = "custody.safeguarding_signed.v1"
MISSED = "custody.safeguarding_missed.v1"
REOPENED = "custody.safeguarding_reopened.v1"
NOTIFIED = "custody.safeguarding_notified.v1"
COMMITMENT = "_commitment"
REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Fact:
    """A leaf of the log, read."""

    index: int
    kind: str
    fields: Mapping[str, Value]

    def cell(self, name: str) -> Cell:
        """Returns what it states under a name; nothing, and why, of a text that is not kept any more."""
        return Cell(self.fields.get(name), (self.index,), REMOVED if self.lacks(name) else "")

    def lacks(self, name: str) -> bool:
        """Tells whether it commits to a text that is not kept any more."""
        return name not in self.fields and f"{name}{COMMITMENT}" in self.fields

    def opened(self, texts: Mapping[str, str]) -> Fact:
        """Returns it with texts that it commits to."""
        return replace(self, fields={**self.fields, **texts}) if texts else self

    def number(self, name: str) -> int:
        """Returns a number, 0 where it is left out."""
        value = self.fields.get(name, 0)
        return value if isinstance(value, int) else 0

    def bytes_of(self, name: str) -> bytes:
        """Returns bytes, empty where they are left out."""
        value = self.fields.get(name, b"")
        return value if isinstance(value, bytes) else b""

    def text(self, name: str) -> str:
        """Returns a text, empty where it is left out."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class DayKey:
    """A day of a platform, in a currency and a pool; `day` is days since 1970-01-01."""

    tenant: bytes
    ledger: int
    pool: str
    day: int

    @property
    def day_id(self) -> bytes:
        """The id that its leaves are found by (docs/formats.md)."""
        return external_id("safeguarding-day", self.tenant, f"{self.pool}|{self.ledger}|{self.day}")


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What the log states of one day: of each kind the newest version, and all that was missed, told and reopened."""

    key: DayKey
    newest: Mapping[str, Fact]
    mirrors_cut: Mapping[int, Fact] = field(default_factory=dict)
    mirrors_compared: Mapping[int, Fact] = field(default_factory=dict)
    all: tuple[Fact, ...] = ()

    @property
    def version(self) -> int:
        """The newest version that was computed, 0 before."""
        computed = self.newest.get(COMPUTED)
        return computed.number("version") if computed else 0

    def of(self, kind: str) -> Fact | None:
        """Returns the fact of a kind in the newest version."""
        found = self.newest.get(kind)
        if found is None or (kind in _VERSIONED and found.number("version") != self.version):
            return None
        return found

    def every(self, kind: str) -> list[Fact]:
        """Returns all facts of a kind, in order."""
        return [fact for fact in self.all if fact.kind == kind]


_VERSIONED = frozenset({PREPARED, REVIEWED, SIGNED, NOTIFIED})


def read(leaves: Iterable[tuple[int, bytes]]) -> list[Fact]:
    """Returns leaves as facts, in their order."""
    return list(facts_of(leaves))


def facts_of(leaves: Iterable[tuple[int, bytes]]) -> Iterator[Fact]:
    """Yields leaves as facts, in their order: of many no more is held than is wanted."""
    return (Fact(index, *decode(leaf)) for index, leaf in leaves)


def day_facts(key: DayKey, stated: Iterable[Fact]) -> DayFacts:
    """Returns what facts state of a day; those of something else are passed over."""
    newest: dict[str, Fact] = {}
    cut: dict[int, Fact] = {}
    compared: dict[int, Fact] = {}
    facts = []
    for fact in stated:
        if fact.bytes_of("day_id") != key.day_id:
            continue
        facts.append(fact)
        newest[fact.kind] = fact
        if fact.kind == MIRROR_CUT:
            cut[fact.number("number")] = fact
        elif fact.kind == MIRROR_COMPARED:
            compared[fact.number("number")] = fact
    return DayFacts(key, newest, cut, compared, tuple(facts))
