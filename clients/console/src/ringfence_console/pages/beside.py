"""What stands beside an item, as its page shows it: words for codes, texts for values, pieces for names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ringfence_desk import money, times
from ringfence_desk.language import Language
from ringfence_desk.words import code, listed

from ringfence_console.beside import Beside, Candidate, Detail, Hit, Money
from ringfence_console.catalog import translations
from ringfence_console.letters import Pieces, differing
from ringfence_console.pages.wording import CODES, FIELDS, called

EPOCH = date(1970, 1, 1)
CODED = frozenset("state reason kind effect reversal differing_references side payable clearing_state blocked".split())
"""Fields that hold codes."""
_OF_LOG = (
    ("custody.proposal_made.v1", "effect"),
    ("payment-instruction.step.v1", "status"),
    ("payment-instruction.step.v1", "reason"),
)
"""Kinds of facts, and fields of theirs whose codes stand on custodians' pages too."""


@dataclass(frozen=True)
class Row:
    """A value by name: what it is called, the value as text, what kind of value it is, and whether it differs."""

    name: str
    label: str
    text: str
    kind: str
    differs: bool = False


@dataclass(frozen=True)
class ComparedRow:
    """A field, as the bank says it and as we have it."""

    label: str
    theirs: Row
    ours: Row
    is_wrong: bool


@dataclass(frozen=True)
class ShownCandidate:
    """A candidate, its place among all, from 1, and why it is one."""

    number: int
    key: str
    rows: Sequence[Row]
    reasons: Sequence[str]
    is_offered: bool


@dataclass(frozen=True)
class ShownName:
    """A name of a list's entry beside the one that was typed, both in pieces."""

    listed: Pieces
    typed: Pieces
    is_alike: bool


@dataclass(frozen=True)
class ShownHit:
    """A hit, and its names."""

    hit: Hit
    names: Sequence[ShownName]


@dataclass(frozen=True)
class Shown:
    """What a page draws."""

    beside: Beside
    compared: Sequence[ComparedRow]
    candidates: Sequence[ShownCandidate]
    hits: Sequence[ShownHit]


def shown(beside: Beside, language: Language) -> Shown:
    """Gives what a page draws of it, in a language."""
    words = translations(language)
    return Shown(
        beside,
        [
            ComparedRow(
                called(FIELDS, each.name, words),
                row(each.name, each.theirs, language),
                row(each.name, each.ours, language),
                each.is_wrong,
            )
            for each in beside.compared
        ],
        [_candidate(number, each, language) for number, each in enumerate(beside.candidates, 1)],
        [ShownHit(each, [_name(each, *name) for name in each.names]) for each in beside.hits],
    )


def row(name: str, value: Detail, language: Language, *, differs: bool = False) -> Row:
    """Gives a value as text; nothing is a dash."""
    words = translations(language)
    label = called(FIELDS, name, words)
    if isinstance(value, UUID):
        return Row(name, label, str(value), "id", differs)
    if isinstance(value, Money):
        return Row(name, label, money.amount(value.minor, value.ledger, language), "money", differs)
    if isinstance(value, date):
        return Row(name, label, times.day((value - EPOCH).days, language), "text", differs)
    if isinstance(value, bytes):
        return Row(name, label, value.hex(), "hash", differs)
    if isinstance(value, int):
        return Row(name, label, times.moment(value, language), "text", differs)
    text = value or "\N{EN DASH}"
    return Row(name, label, said(name, text, language), "document" if name == "document" else "text", differs)


def said(name: str, text: str, language: Language) -> str:
    """Gives the words of a field of codes, one or several between commas; any other text as it is."""
    return listed((worded(each, language) for each in text.split(", ")), language) if name in CODED else text


def worded(text: str, language: Language) -> str:
    """Gives the words for a code, where custodians' pages have none the log's; itself where neither has any."""
    if text not in CODES:
        found = next(filter(None, (code(kind, field, text) for kind, field in _OF_LOG)), None)
        if found:
            return found.words[language]
    return called(CODES, text, translations(language))


def _candidate(number: int, found: Candidate, language: Language) -> ShownCandidate:
    rows = [
        row(name, value, language, differs=name in found.differing)
        for name, value in found.details.items()
        if value not in (None, "", b"")
    ]
    reasons = [worded(each, language) for each in found.reasons]
    return ShownCandidate(number, found.key, rows, reasons, found.is_offered)


def _name(hit: Hit, text: str, is_alike: bool) -> ShownName:
    if not hit.typed:
        return ShownName(Pieces([(text, False)]), Pieces([]), is_alike)
    return ShownName(differing(text, hit.typed), differing(hit.typed, text), is_alike)
