"""Facts that were found as a page of them is asked for: which are wanted, which of those are shown, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk import money, times
from ringfence_desk.cells import plain_cell
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import platform_of
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.narrowing import STATUSES, Narrowing
from ringfence_desk.sentences import ledger_of, sentence
from ringfence_desk.statement_rows import BYTE_ORDER_MARK
from ringfence_desk.words import code
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException

from ringfence_console.dossiers import MOST_SUBJECTS
from ringfence_console.pages.about import group_of
from ringfence_console.pages.books import instant

MOST_ROWS = 100
COLUMNS = ("fact", "time", "kind", "what", "amount", "currency")
_ABOUT = ("instruction_id", "entry_id", "party_id", "account_id", "transfer_id", "principal_id", "query_subject_id")
"""Of what a dossier can be that facts are about, the widest first; the last is whom somebody has read about."""


@dataclass(frozen=True)
class Narrowed:
    """What is wanted of what was found: a group and what the command narrows by, and from which row on.

    `first_day` and `last_day` are as typed, a day or an instant; `narrowing` is what they come to.
    """

    only: str
    first_day: str
    last_day: str
    first: int
    narrowing: Narrowing

    @classmethod
    def of(cls, query: QueryParams) -> Narrowed:
        """Reads it; raises HTTPException."""
        only, first_day, last_day, platform, kind, status, first = (
            query.get(name, "").strip() for name in ("only", "since", "until", "of", "kind", "status", "from")
        )
        try:
            narrowing = Narrowing(
                UUID(platform) if platform else None, _from_ns(first_day), _until_ns(last_day), kind, status
            )
            number = int(first or "0")
        except (ValueError, OverflowError):
            raise HTTPException(400) from None
        if not 0 <= number < 10**9 or (narrowing.until_ns and narrowing.until_ns <= narrowing.from_ns):
            raise HTTPException(400)
        return cls(only, first_day, last_day, number, narrowing)

    def chosen(self, facts: Iterable[Fact]) -> list[Fact]:
        """Gives those that are wanted."""
        return [fact for fact in facts if (not self.only or group_of(fact) == self.only) and self.narrowing.takes(fact)]

    def query(self, typed: str) -> dict[str, str]:
        """Gives it as an address has it, without the row; `typed` is what was searched for, where that is not kept."""
        asked = {
            "q": typed,
            "only": self.only,
            "since": self.first_day,
            "until": self.last_day,
            "of": str(self.narrowing.tenant_id or ""),
            "kind": self.narrowing.kind,
            "status": self.narrowing.status,
        }
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class Choices:
    """What facts can be narrowed by: statuses with their words, kinds, and platforms with their names."""

    statuses: Sequence[tuple[str, str]]
    kinds: Sequence[str]
    platforms: Sequence[tuple[UUID, str]]

    @classmethod
    def of(cls, facts: Sequence[Fact], names: Names, language: Language) -> Choices:
        """Gives what there is among facts."""
        statuses = dict[str, str]()
        for fact in facts:
            for name in STATUSES:
                if status := fact.text(name):
                    known = code(fact.kind, name, status)
                    statuses.setdefault(status, known.words[language] if known else status)
        platforms = dict.fromkeys(found for fact in facts if (found := platform_of(fact)))
        named = [(each, names.of_id("platform", each, language)) for each in platforms]
        return cls(sorted(statuses.items()), sorted({fact.kind for fact in facts}), named)


def as_csv(facts: Iterable[Fact], names: Names, language: Language, lacking: Sequence[str] = ()) -> str:
    """Writes facts as CSV (RFC 4180): a byte order mark for UTF-8, plain decimals, times in UTC.

    The last rows, of no fact, say what is `lacking`.
    """
    written = io.StringIO(newline="")
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for fact in facts:
        minor, ledger = fact.integer("amount_minor"), ledger_of(fact, names)
        said = "".join(part.text for part in sentence(fact, names, language).parts)
        table.writerow(
            [
                fact.index,
                times.iso(fact.time_ns) if fact.time_ns is not None else "",
                plain_cell(fact.kind),
                plain_cell(said),
                "" if minor is None else money.plain(minor, ledger),
                "" if minor is None else money.currency(ledger),
            ]
        )
    for each in lacking:
        table.writerow(["", "", "", plain_cell(each), "", ""])
    return BYTE_ORDER_MARK + written.getvalue()


def of_dossier(facts: Iterable[Fact]) -> list[UUID]:
    """Gives what a dossier with all of these is about: of each fact the widest.

    None where a fact has none, so that it would not be in it, or they are too many for one.
    """
    found = dict.fromkeys(map(_subject, facts))
    subjects = [each for each in found if each]
    return subjects if len(subjects) == len(found) <= MOST_SUBJECTS else []


def _subject(fact: Fact) -> UUID | None:
    return next((found for name in _ABOUT if (found := fact.id(name))), None)


def _from_ns(text: str) -> int:
    return times.begins_ns(times.day_typed(text)) if len(text) == len("2026-01-31") else instant(text)


def _until_ns(text: str) -> int:
    """Gives the end of what is typed, which is meant whole: a day, or up to an instant."""
    if len(text) == len("2026-01-31"):
        return times.begins_ns(times.day_typed(text)) + times.DAY_NS
    return instant(text) + 1 if text else 0
