"""A dossier's facts in words: one sentence each, in every language, as tables for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ringfence_desk import money, times
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import ledger_of, sentence, value_part
from ringfence_desk.story import ordered
from ringfence_desk.visible import visible
from ringfence_desk.words import label
from ringfence_verifier.dossier import ShownFact, csv_line

_BOM = "\ufeff"
_COLUMNS = {
    Language.ENGLISH: ("fact", "time (UTC)", "what", "amount", "currency", "texts", "kind"),
    Language.CHINESE: ("事实", "时间（UTC）", "内容", "金额", "币种", "文本", "类型"),
}
_MARKS = {Language.ENGLISH: (": ", "; "), Language.CHINESE: ("：", "；")}
"""What stands after a text's name, and between texts."""


def words(facts: Sequence[ShownFact]) -> dict[str, bytes]:
    """Gives the files in words by their names: a table per language, told in order of time and cause, and JSON."""
    told = ordered(map(_fact, facts))
    names = Names.of(told)
    tables = {f"words.{each}.csv": _csv(told, names, each) for each in Language}
    return {**tables, "words.json": _json(told, names)}


def _fact(shown: ShownFact) -> Fact:
    texts = {each.field: each.content for each in shown.openings if isinstance(each.content, str)}
    return Fact(shown.index, shown.fact.kind, shown.fact.fields, texts)


def _csv(facts: Sequence[Fact], names: Names, language: Language) -> bytes:
    lines = [csv_line(_COLUMNS[language]), *(csv_line(_row(fact, names, language)) for fact in facts)]
    return (_BOM + "".join(lines)).encode()


def _row(fact: Fact, names: Names, language: Language) -> list[str]:
    minor, ledger = fact.integer("amount_minor"), ledger_of(fact, names)
    after, between = _MARKS[language]
    return [
        str(fact.index),
        _time(fact),
        "".join(map(str, sentence(fact, names, language).parts)),
        money.plain(minor, ledger) if minor is not None else "",
        money.currency(ledger),
        between.join(f"{label(name, language)}{after}{visible(text)}" for name, text in fact.texts.items()),
        fact.kind,
    ]


def _json(facts: Sequence[Fact], names: Names) -> bytes:
    rows = ",\n".join(json.dumps(_told(fact, names), ensure_ascii=False, separators=(",", ":")) for fact in facts)
    return f"[\n{rows}\n]\n".encode()


def _told(fact: Fact, names: Names) -> dict[str, Any]:
    minor = fact.integer("amount_minor")
    amount = {} if minor is None else {"amount": money.plain(minor, ledger_of(fact, names))}
    return {
        "index": str(fact.index),
        "kind": fact.kind,
        "time": _time(fact),
        **amount,
        "currency": money.currency(ledger_of(fact, names)),
        "said": {each.value: str(sentence(fact, names, each)) for each in Language},
        "fields": {each.value: _fields(fact, names, each) for each in Language},
        "texts": {name: visible(text) for name, text in fact.texts.items()},
    }


def _fields(fact: Fact, names: Names, language: Language) -> list[tuple[str, str]]:
    """Gives each field as people read it, with what it is called."""
    found = ((name, value_part(fact, name, names, language)) for name in fact.fields)
    return [(label(name, language), str(part)) for name, part in found if part]


def _time(fact: Fact) -> str:
    try:
        return times.iso(fact.time_ns) if fact.time_ns is not None else ""
    except (ValueError, OverflowError):
        return str(fact.time_ns)
