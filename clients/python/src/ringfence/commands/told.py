"""Facts as commands print them: in sentences, with their amount, in the language that was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from ringfence_desk import money, times
from ringfence_desk.fact import Fact
from ringfence_desk.fields import fields_of
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import ledger_of, sentence

COLUMNS = ["index", "time", "kind", "amount", "what"]
RIGHT = ["index", "amount"]
FIELDS = ["field", "meaning", "value", "exactly"]
_SHOWN = ("UTC", "Etc/UTC", "Etc/GMT", "GMT", "Etc/UCT", "UCT", "Universal", "Zulu")
"""Zones whose clocks show what stands there already."""
IDS = ["meaning", "called", "id"]


def _language(text: str | Language) -> Language:
    return Language.of(text)


InLanguage = Annotated[
    Language, typer.Option("--language", parser=_language, metavar="en|zh", help="Language of the sentences.")
]


InZone = Annotated[
    str, typer.Option("--zone", metavar="IANA", help="Shows times by a zone's clocks as well; that of TZ if left out.")
]


def zone_of(typed: str) -> ZoneInfo | None:
    """Gives the zone that was typed, or else the environment's if it names one; UTC is shown in any case.

    Raises BadParameter where what was typed is none.
    """
    name = typed or os.environ.get("TZ", "").removeprefix(":")
    found = times.zone_named(name)
    if typed and found is None:
        raise typer.BadParameter(f"{typed!r} is no zone of the IANA database, as Europe/Berlin is")
    return None if found is None or found.key in _SHOWN else found


def columns(zone: ZoneInfo | None) -> list[str]:
    """What rows are called, with the zone's times beside those in UTC."""
    return COLUMNS if zone is None else [*COLUMNS[:2], zone.key, *COLUMNS[2:]]


def rows(facts: Iterable[Fact], names: Names, language: Language, zone: ZoneInfo | None = None) -> list[list[str]]:
    """One row per fact: its index, when it happened (UTC, and by a zone's clocks), its kind, amount, what it says."""
    return [
        [
            *(str(fact.index), when(fact)),
            *([] if zone is None else [times.beside(fact.time_ns or 0, zone, language) if fact.time_ns else ""]),
            *(fact.kind, amount(fact, names, language), gist(fact, names, language)),
        ]
        for fact in facts
    ]


def field_rows(fact: Fact, names: Names, language: Language, zone: ZoneInfo | None = None) -> list[list[str]]:
    """One row per field: its name, what it is called, what it says, and its value to the last digit."""
    found = [[each.name, each.label, each.part.text, each.exact] for each in fields_of(fact, names, language)]
    for row in found:
        value = fact.integer(row[0]) if row[0].endswith("_ns") else None
        if zone is not None and value:
            row[2] = f"{row[2]}, {times.beside(value, zone, language)}"
    return found


def id_rows(facts: Iterable[Fact], names: Names, language: Language) -> list[list[str]]:
    """One row per id that facts name, in their order: what it is there, what it is called, and the whole id."""
    named = (each for fact in facts for each in fields_of(fact, names, language) if each.part.id)
    found: dict[tuple[str, str], list[str]] = {}
    for each in named:
        found.setdefault((each.label, each.exact), [each.label, each.part.text, str(each.part.id)])
    return list(found.values())


def when(fact: Fact) -> str:
    """When a fact happened, in UTC to the millisecond, in any language and for programs alike; empty without a time."""
    if fact.time_ns is None:
        return ""
    return f"{times.iso(fact.time_ns)[:10]} {times.clock(fact.time_ns)} UTC"


def amount(fact: Fact, names: Names, language: Language) -> str:
    """The amount of a fact with its currency, empty where it has none."""
    minor = fact.integer("amount_minor")
    return "" if minor is None else money.amount(minor, ledger_of(fact, names), language)


def gist(fact: Fact, names: Names, language: Language) -> str:
    """What a fact says, without its amount."""
    return "".join(part.text for part in sentence(fact, names, language).parts)
