"""All that the log can come to hold has words: kinds, codes and fields of every event that is translated, by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.translation.application.translator import PUBLISHED, Translator
from ringfence_audit.translation.domain.accounts import Account, Accounts
from ringfence_desk import words
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import ABSENT, DERIVED, sentence
from ringfence_kernel.values.descriptions import EventDescription, Facts, FieldDescription

from .events import made_up
from .feeds import BOOK, START_NS, SourceFeed, identifier

NEVER_PUBLISHED = "UNSPECIFIED"
TOPICS = [
    (source, topic)
    for source, published in PUBLISHED.items()
    for topic, description in published.items()
    if description.facts is not Facts.NONE
]
of_every_topic = pytest.mark.parametrize(("source", "topic"), TOPICS, ids=[" ".join(each) for each in TOPICS])


def facts_of(source: str, topic: str, event: dict[str, Any]) -> list[Fact]:
    """Translates one event, and gives its facts with the texts that they commit to."""
    feed, accounts = SourceFeed(source), Accounts({})
    for index in range(3):
        accounts.add(BOOK, index, Account(identifier(f"account {index}"), identifier("owner"), 978))
    stored = feed.add(topic, event)
    translated = Translator(source, accounts, draw=bytes).translate(
        SourceEvent(1, BOOK, 1, topic, stored.state, stored.hash, START_NS)
    )
    facts = [Fact(index, *decode(leaf)) for index, leaf in enumerate(translated.leaves)]
    for text in translated.texts:
        said = text.content.decode() if text.is_text else text.content.hex()
        facts[text.leaf] = replace(facts[text.leaf], texts={**facts[text.leaf].texts, text.field: said})
    return facts


def event_of(description: EventDescription) -> dict[str, Any]:
    """Makes up an event whose hashes have the length of hashes."""
    event = made_up(description, "written")
    return event | {
        name: bytes(range(32)) for name in event if name.endswith("sha256") and isinstance(event[name], bytes)
    }


def with_codes(description: EventDescription) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields for every code that an event may hold the field, the code's name, and an event that holds it."""
    for field in description.coded:
        for number, name in (field.names or {}).items():
            yield field.name, name, event_of(description) | {field.name: coded(field, number, name)}


def coded(field: FieldDescription, number: int, name: str) -> Any:
    """Gives a field's value with one code: by name, in a column of one row, or by number."""
    if field.kind == "str":
        return name
    return number.to_bytes(field.width, "big" if field.order == ">" else "little") if field.packed else number


def differing(one: Fact, other: Fact) -> Iterator[tuple[str, int | str]]:
    """Yields the fields of a fact, that are no bytes, in which it differs from another."""
    for name, value in one.fields.items():
        if not isinstance(value, bytes) and value != other.fields.get(name):
            yield name, value


@of_every_topic
def test_every_kind_has_a_sentence(source: str, topic: str) -> None:
    """Each fact of the event is told in both languages, with no place of the sentence empty."""
    for fact in facts_of(source, topic, event_of(PUBLISHED[source][topic])):
        assert words.saying(fact.kind, lambda name, value: True), f"no words for {fact.kind}"
        for language in Language:
            said = str(sentence(fact, Names(), language))
            assert ABSENT not in said, f"{fact.kind} in {language}: {said}"


def test_sentences_speak_of_fields_that_facts_have() -> None:
    """Each place and condition of a kind's sentences is a field of it, or a text that it commits to."""
    known: dict[str, set[str]] = defaultdict(set)
    for source, topic in TOPICS:
        description = PUBLISHED[source][topic]
        events = [event for _, _, event in with_codes(description)]
        for event in (event_of(description), *events):
            for fact in facts_of(source, topic, event):
                known[fact.kind] |= {*fact.fields, *fact.texts, *DERIVED}
    for kind, fields in known.items():
        for each in words.sayings_of(kind):
            assert each.places() | each.conditions.keys() <= fields, f"{kind} has only {sorted(fields)}"


@of_every_topic
def test_every_code_has_a_word(source: str, topic: str) -> None:
    """What a fact holds for each code, by name or by number, has a word; what is never published needs none."""
    missing = set()
    by_field = defaultdict[str, list[tuple[str, list[Fact]]]](list)
    for field, code, event in with_codes(PUBLISHED[source][topic]):
        by_field[field].append((code, facts_of(source, topic, event)))
    for told in by_field.values():
        for place, (code, facts) in enumerate(told):
            for one, other in zip(facts, told[place - 1][1], strict=True):
                missing |= {
                    f"{one.kind}:{name} {code} ({value})"
                    for name, value in differing(one, other)
                    if code != NEVER_PUBLISHED and not words.code(one.kind, name, value)
                }
    assert not missing


@of_every_topic
def test_every_field_has_a_label(source: str, topic: str) -> None:
    """What stands in a fact is called something in both languages."""
    facts = facts_of(source, topic, event_of(PUBLISHED[source][topic]))
    names = {name for fact in facts for name in (*fact.fields, *fact.texts)}
    assert not sorted(name for name in names if not words.has_label(name))
