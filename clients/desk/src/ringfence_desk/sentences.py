"""What a fact says, in a sentence of parts: pages link them, commands print them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ringfence_desk import money, times, words
from ringfence_desk.fact import Fact, Value
from ringfence_desk.kinds import phase_of, platform_of
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.roles import Role
from ringfence_desk.visible import visible
from ringfence_desk.words import Place, Saying, Tone

ABSENT = "—"
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Part:
    """A part of a sentence: its text, what it is, and the id that it stands for. A quote is text of others."""

    text: str
    role: Role = Role.TEXT
    id: UUID | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Sentence:
    """What a fact says. Its amount stands beside it, for a column of its own; as plain text it comes last."""

    parts: tuple[Part, ...]
    icon: str
    tone: Tone
    is_decision: bool
    amount: Part | None

    def __str__(self) -> str:
        said = "".join(part.text for part in self.parts)
        return f"{said} · {self.amount}" if self.amount else said


def sentence(fact: Fact, names: Names, language: Language) -> Sentence:
    """Tells a fact; one of an unknown kind by the name of its kind. No value of a fact makes it fail."""
    found = words.saying(fact.kind, lambda name, wanted: _holds(fact, name, wanted))
    stated = _amount(fact, names, language)
    if found is None:
        return Sentence((Part(visible(fact.kind)),), "log", Tone.QUIET, False, stated)
    parts = tuple(_joined(_spaced(list(_told(fact, found, names, language)))))
    return Sentence(parts, found.icon, found.tone, found.is_decision, stated)


def value_part(fact: Fact, name: str, names: Names, language: Language) -> Part | None:
    """Gives a field's value as people read it, None where it is absent."""
    if name in DERIVED:
        value: Value | None = DERIVED[name](fact)
    else:
        value = fact.fields.get(name, fact.texts.get(name))
    if value is None or value in ("", b""):
        return None
    if isinstance(value, bytes):
        return _of_bytes(fact, name, value, names, language)
    if known := words.code(fact.kind, name, value):
        return Part(known.words[language])
    if isinstance(value, str):
        return Part(visible(value), Role.QUOTE)
    if (found := words.bits(fact.kind, name, value)) is not None:
        return Part(words.listed([each.words[language] for each in found], language))
    return _of_number(fact, name, value, names, language)


def role_of(fact: Fact, name: str) -> Role:
    """Gives what the id in a field is of; an owner that is the platform itself is a platform."""
    found = next((role for ends, role in _ROLES if name.endswith(ends)), Role.ID)
    return Role.PLATFORM if found is Role.PARTY and fact.id(name) == fact.id("tenant_id") else found


def ledger_of(fact: Fact, names: Names) -> int | None:
    """Gives the currency of a fact's amounts, ISO 4217 numeric: as it says, or as its account has."""
    stated = fact.integer("ledger")
    if stated is not None:
        return stated
    ids = (fact.id(name) for name in fact.fields if name.endswith(("account_id", "mirror_id")))
    known = (names.found(each, platform_of(fact)) for each in ids if each)
    return next((account.ledger for account in known if account), None)


def _told(fact: Fact, saying: Saying, names: Names, language: Language) -> Iterator[Part]:
    for piece in saying.templates[language]:
        if isinstance(piece, words.Optional):
            found = [_piece(fact, each, names, language) for each in piece.pieces]
            if all(found):
                yield from (each for each in found if each)
        else:
            yield _piece(fact, piece, names, language) or Part(ABSENT)


def _piece(fact: Fact, piece: str | Place, names: Names, language: Language) -> Part | None:
    return Part(piece) if isinstance(piece, str) else value_part(fact, piece.name, names, language)


def _spaced(parts: Sequence[Part]) -> Iterator[Part]:
    """Yields parts without the spaces of templates, which part Chinese from Latin, where both sides are Chinese."""
    for index, part in enumerate(parts):
        if part.role is not Role.TEXT:
            yield part
            continue
        before, after = (parts[at].text if 0 <= at < len(parts) else "" for at in (index - 1, index + 1))
        text = part.text
        if text.startswith(" ") and _CHINESE.match(before[-1:]) and _CHINESE.match((text[1:] or after)[:1]):
            text = text[1:]
        if text.endswith(" ") and _CHINESE.match(text[-2:-1]) and _CHINESE.match(after[:1]):
            text = text[:-1]
        yield replace(part, text=text)


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Yields parts, with plain ones that follow one another as one."""
    text = ""
    for part in parts:
        if part.role is Role.TEXT:
            text += part.text
            continue
        if text:
            yield Part(text)
        text = ""
        yield part
    if text:
        yield Part(text)


def _of_bytes(fact: Fact, name: str, value: bytes, names: Names, language: Language) -> Part | None:
    identifier = fact.id(name)
    if identifier is None:
        return None if len(value) == 16 and not any(value) else Part(value.hex(), Role.QUOTE)
    role = role_of(fact, name)
    return Part(visible(names.of_id(role, identifier, language, platform_of(fact))), role, identifier)


def _of_number(fact: Fact, name: str, value: int, names: Names, language: Language) -> Part:
    if name.endswith("_minor"):
        return Part(money.amount(value, ledger_of(fact, names), language), Role.MONEY)
    if name == "ledger":
        return Part(money.currency(value) or str(value))
    if name.endswith("_ns"):
        return Part(times.moment(value, language), Role.TIME)
    if name == "day" or name.endswith(("_day", "_days")):
        return Part(times.day(value, language), Role.TIME)
    return Part(str(value))


def _amount(fact: Fact, names: Names, language: Language) -> Part | None:
    value = fact.integer("amount_minor")
    return None if value is None else Part(money.amount(value, ledger_of(fact, names), language), Role.MONEY)


def _holds(fact: Fact, name: str, wanted: str) -> bool:
    value = DERIVED[name](fact) if name in DERIVED else fact.fields.get(name, fact.texts.get(name))
    if wanted in ("present", "absent"):
        return (value not in (None, "", b"") and bool(fact.id(name) or not _is_zero(value))) == (wanted == "present")
    if isinstance(value, int | str) and (known := words.code(fact.kind, name, value)):
        return known.name == wanted
    return str(value or 0 if isinstance(value, int) or value is None else value) == wanted


def _covered(fact: Fact) -> str:
    """Returns whether a safeguarding day's resource is at least what is required."""
    return "YES" if (fact.integer("internal_minor") or 0) >= 0 else "NO"


def _is_zero(value: Value | None) -> bool:
    return isinstance(value, bytes) and not any(value)


DERIVED: Mapping[str, Callable[[Fact], str]] = {"phase": phase_of, "covered": _covered}
"""What conditions may ask for that stands in no field by itself."""
_ROLES: tuple[tuple[tuple[str, ...], Role], ...] = (
    (("account_id", "mirror_id"), Role.ACCOUNT),
    (("party_id", "owner_id", "client_id"), Role.PARTY),
    (("tenant_id", "book_id"), Role.PLATFORM),
    (("instruction_id",), Role.PAYMENT),
    (
        (
            *("principal_id", "person_id", "by_id", "actor_id", "maker_id", "submitter_id", "reader_id", "feed_id"),
            *("proposer_id", "confirmer_id", "assignee_id"),
        ),
        Role.PRINCIPAL,
    ),
)
"""What ids are of, by how the names of their fields end."""
