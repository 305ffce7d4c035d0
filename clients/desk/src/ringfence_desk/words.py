"""The table of words: what each kind of fact says, and what its codes and fields are called, in every language.

The table is text in `table/`, read once. A block of `table/<source>.txt` is a kind, perhaps with what it holds for, an
icon and a tone, then a sentence per language:

    payment-instruction.directive.v1 directive=APPROVE : person good decision
    {instruction_id} was approved[ by {actor_id}]
    {instruction_id}已获批准[（{actor_id}）]

`{name}` stands for a field; what is in brackets is left out where a field in it is absent. Of several blocks of a kind
the first holds whose conditions all do. A kind of `*` stands for every source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from ringfence_desk.language import Language as Language  # where others look for it

SOURCES = ("audit", "custody", "identity", "payment-instruction", "any", "trace")
BITS = " bits"
"""How the name of a set ends whose codes are bits."""
ICONS = frozenset(
    "account bank book calendar eye file key letter list log move payment person proposal scale step".split()
)
"""Names of the small pictures that stand beside sentences."""
_PIECE = re.compile(r"\{([a-z0-9_]+)\}|([^{}\[\]]+)|(\[)|(\])")


class Tone(StrEnum):
    """How a fact is to be taken; what is well is quiet."""

    QUIET = "quiet"
    INFO = "info"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Place:
    """Where a field's value stands in a sentence."""

    name: str


@dataclass(frozen=True)
class Optional:
    """A part of a sentence that is left out where a field in it is absent."""

    pieces: tuple[str | Place, ...]


Template = tuple["str | Place | Optional", ...]


@dataclass(frozen=True)
class Saying:
    """What facts of a kind say where all of `conditions` hold: an icon's name, a tone, a sentence per language.

    A decision is a person's: it stands out in a story.
    """

    kind: str
    conditions: Mapping[str, str]
    icon: str
    tone: Tone
    is_decision: bool
    templates: Mapping[Language, Template]

    def places(self) -> frozenset[str]:
        """Gives the fields that its sentences speak of."""
        return frozenset(name for template in self.templates.values() for name in _places(template))


@dataclass(frozen=True)
class Code:
    """A value that stands for something: its name, its number where it has one, and its word per language."""

    name: str
    number: int | None
    words: Mapping[Language, str]


def saying(kind: str, holds: Callable[[str, str], bool]) -> Saying | None:
    """Gives what facts of a kind say, None for an unknown one; `holds` tells whether a field has a value."""
    for each in sayings_of(kind):
        if all(holds(name, value) for name, value in each.conditions.items()):
            return each
    return None


def sayings_of(kind: str) -> tuple[Saying, ...]:
    """Gives all that facts of a kind may say, in the order in which it is tried; empty for an unknown kind."""
    return sayings().get(kind) or sayings().get(_of_any(kind), ())


def code(kind: str, field: str, value: int | str) -> Code | None:
    """Gives what a value of a field stands for; None where it is no code, or an unknown one."""
    name, codes = _set_of(kind, field)
    if name.endswith(BITS):
        return None
    return next((each for each in codes if value == (each.name if isinstance(value, str) else each.number)), None)


def codes_of(kind: str, field: str) -> tuple[Code, ...]:
    """Gives all that a field of a kind may stand for, or the bits that it is a sum of; empty where it is no code."""
    return _set_of(kind, field)[1]


def bits(kind: str, field: str, value: int) -> list[Code] | None:
    """Gives what the bits of a field stand for, unknown ones as their numbers; None where it is no sum of bits."""
    name, codes = _set_of(kind, field)
    if not name.endswith(BITS) or value < 0:
        return None
    found = [each for each in codes if each.number and value & each.number]
    rest = value - sum(each.number or 0 for each in found)
    return [*found, *([Code(str(rest), rest, dict.fromkeys(Language, str(rest)))] if rest else [])]


def listed(texts: Iterable[str], language: Language) -> str:
    """Joins words into a list as the language does; a dash for none."""
    return ("、" if language is Language.CHINESE else ", ").join(texts) or "–"


def sets_of_codes() -> Mapping[str, tuple[Code, ...]]:
    """Gives all codes by the name of their set."""
    return _codes()[1]


def label(field: str, language: Language) -> str:
    """Gives what a field is called, for instance "value date"; its own name where the table has none.

    A field that is the hash of another, or commits to it, is called by that one's name.
    """
    stem, kind = _stem(field)
    found = _labels().get(stem)
    if found is None:
        return field.replace("_", " ")
    return phrases()[kind][language].format(found[language]) if kind else found[language]


def has_label(field: str) -> bool:
    """Tells whether the table says what a field is called."""
    return _stem(field)[0] in _labels()


@cache
def sayings() -> Mapping[str, tuple[Saying, ...]]:
    """Gives the sentences by kind, those of a kind in the order in which they are tried."""
    found: dict[str, tuple[Saying, ...]] = {}
    for source in SOURCES:
        for block in _blocks(source):
            each = _saying(block)
            found[each.kind] = (*found.get(each.kind, ()), each)
    return found


@cache
def phrases() -> Mapping[str, Mapping[Language, str]]:
    """Gives the words that belong to no field, by what they stand for."""
    return {name: _languages(words) for block in _blocks("phrases") for name, words in map(_split, block)}


def _set_of(kind: str, field: str) -> tuple[str, tuple[Code, ...]]:
    """Returns the name of the set that a field's codes are of, and the set; empty where it is no code."""
    of_fields, sets = _codes()
    name = next((of_fields[each] for each in (f"{kind}:{field}", f"{_of_any(kind)}:{field}") if each in of_fields), "")
    return name, sets.get(name, ())


def _stem(field: str) -> tuple[str, str]:
    """Returns by what name a field is called, and whether it is a hash of that or commits to it."""
    kind = ""
    for ends, of in (("_commitment", "commitment"), ("_sha256", "hash")):
        if field not in _labels() and field.endswith(ends):
            field, kind = field.removesuffix(ends), kind or of
    if field.startswith("personal_"):
        return "personal", kind
    if field not in _labels():
        field = field.removeprefix("query_")
    return field if field in _labels() else field.removesuffix("_id"), kind


def _places(template: Iterable[str | Place | Optional]) -> Iterator[str]:
    for piece in template:
        if isinstance(piece, Optional):
            yield from _places(piece.pieces)
        elif isinstance(piece, Place):
            yield piece.name


def _of_any(kind: str) -> str:
    """Returns a kind as it stands for every source."""
    return f"*.{kind.partition('.')[2]}"


def _saying(block: list[str]) -> Saying:
    head, english, chinese = block
    about, _, shown = head.partition(" : ")
    kind, *conditions = about.split()
    icon, tone, *marks = shown.split()
    templates = {Language.ENGLISH: template(english), Language.CHINESE: template(chinese)}
    wanted = dict(each.split("=", 1) for each in conditions)
    return Saying(kind, wanted, icon, Tone(tone), "decision" in marks, templates)


@cache
def _codes() -> tuple[Mapping[str, str], Mapping[str, tuple[Code, ...]]]:
    """Returns the name of a field's set of codes by `kind:field`, and the sets by name."""
    of_fields: dict[str, str] = {}
    sets: dict[str, tuple[Code, ...]] = {}
    for head, *lines in _blocks("codes"):
        name, _, fields = head.partition(" : ")
        of_fields |= dict.fromkeys(fields.split(), name)
        sets[name] = tuple(map(_code, lines))
    return of_fields, sets


def _code(line: str) -> Code:
    shown, words = _split(line)
    name, _, number = shown.partition(" ")
    return Code(name, int(number) if number else None, _languages(words))


@cache
def _labels() -> Mapping[str, Mapping[Language, str]]:
    return {name: _languages(words) for block in _blocks("fields") for name, words in map(_split, block)}


def _split(line: str) -> tuple[str, list[str]]:
    name, *words = (each.strip() for each in line.split("|"))
    return name, words


def _languages(words: list[str]) -> Mapping[Language, str]:
    english, chinese = words
    return {Language.ENGLISH: english, Language.CHINESE: chinese}


def _blocks(name: str) -> Iterator[list[str]]:
    """Yields the blocks of a file of the table: lines without an empty one between, without notes."""
    text = resources.files(__package__).joinpath("table", f"{name}.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n\s*\n", text):
        if lines := [line for line in block.splitlines() if line.strip() and not line.startswith("#")]:
            yield lines


def template(text: str) -> Template:
    """Reads a sentence of the table; raises ValueError where its brackets do not fit."""
    pieces = list[str | Place | Optional]()
    inner: list[str | Place] | None = None
    end = 0
    for found in _PIECE.finditer(text):
        if found.start() != end:
            raise ValueError(f"no sentence: {text}")
        end = found.end()
        name, words, opens, _ = found.groups()
        if name or words:
            (pieces if inner is None else inner).append(Place(name) if name else words)
        elif opens and inner is None:
            inner = []
        elif not opens and inner is not None:
            pieces.append(Optional(tuple(inner)))
            inner = None
        else:
            raise ValueError(f"brackets that do not fit: {text}")
    if end != len(text) or inner is not None:
        raise ValueError(f"no sentence: {text}")
    return tuple(pieces)
