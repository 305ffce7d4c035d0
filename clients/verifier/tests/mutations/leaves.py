"""Leaves by docs/formats.md, and changes to them."""

from __future__ import annotations

from random import Random

from ringfence_verifier import Fact

from .. import notes
from . import pieces
from .cases import Made

KINDS = ("custody.transfer.v1", "audit.page.v1", "x", "identity.party_registered.v1")
NAMES = ("amount_minor", "detail", "kind", "order_id", "ordinal", "position", "source", "time_ns", "x" * 255)
Field = tuple[bytes, int, int, bytes]
"""Name, type, how many bytes the value is said to have beside those it has, and the value."""


def some_leaf(chance: Random) -> bytes:
    """A fact of a few fields."""
    return _written(b"\x01", *_some_fact(chance))


def leaf(chance: Random) -> Made:
    """A leaf with one or two changes, or none."""
    version = b"\x01"
    kind, fields = _some_fact(chance)
    done = chance.choice(("none", *("field", "fields", "kind", "version", "length", "raw") * 3))
    if done == "field":
        fields = _changed(chance, fields)
    elif done == "fields":
        fields = _moved(chance, fields)
    elif done == "kind":
        kind = chance.choice(
            (b"", kind + b"\xc3\xa9", kind + b"\x80", b"k" * 255, kind[1:], kind.upper(), kind + b"\n")
        )
    elif done == "version":
        version = chance.choice((b"", b"\x00", b"\x02", b"\x01\x01", b"\xff"))
    content = _written(version, kind, fields)
    if done == "length":
        content = chance.choice((content[:-1], content + b"\0", content * 2, content + bytes(1 << 16), b"", b"\x01"))
    elif done == "raw":
        content = pieces.raw(chance, content)
    return "leaf", done, {"leaf": content}


def rewritten(fact: Fact) -> bytes:
    """The only encoding that a fact has, by an encoder that the verifier does not know."""
    return notes.leaf(fact.kind, **fact.fields)


def _some_fact(chance: Random) -> tuple[bytes, list[Field]]:
    names = sorted(chance.sample(NAMES, chance.randrange(len(NAMES))))
    return chance.choice(KINDS).encode(), [(name.encode(), *_value(chance)) for name in names]


def _value(chance: Random) -> tuple[int, int, bytes]:
    kind = chance.choice((1, 2, 3))
    if kind == 1:
        return kind, 0, chance.choice((bytes(8), b"\xff" * 8, b"\x80" + bytes(7), chance.randbytes(8)))
    if kind == 2:
        return kind, 0, chance.randbytes(chance.choice((0, 16, 32, 300)))
    return kind, 0, chance.choice(("", "EUR", "für \u20ac", "\U0001f600", "\0", "a" * 300)).encode()


def _changed(chance: Random, fields: list[Field]) -> list[Field]:
    """One field with another name, type, length or value."""
    if not fields:
        return [(b"", 1, 0, bytes(8))]
    at = chance.randrange(len(fields))
    name, kind, off, value = fields[at]
    made = chance.choice(
        (
            (chance.choice((b"", name + b"\xff", name[::-1], name.upper(), b" ", b"\0")), kind, off, value),
            (name, chance.choice((0, 1, 2, 3, 4, 255)), off, value),
            (name, kind, chance.choice((-1, 1, 256, 65_000)), value),
            (name, kind, off, value + b"\0"),
            (name, kind, off, value[1:]),
            (name, 3, off, value + chance.choice(pieces.BROKEN)),
            (name, kind, off, pieces.flipped(chance, value)),
        )
    )
    return [*fields[:at], made, *fields[at + 1 :]]


def _moved(chance: Random, fields: list[Field]) -> list[Field]:
    """Fields in another order, one of them twice, or with one more."""
    more: Field = (chance.choice((b"a", b"zz", b"position")), *_value(chance))
    at = chance.randrange(len(fields) + 1)
    return chance.choice(
        (fields[::-1], fields + fields[-1:], [*fields[:at], more, *fields[at:]], fields[at:] + fields[:at])
    )


def _written(version: bytes, kind: bytes, fields: list[Field]) -> bytes:
    parts = [version, bytes([len(kind) & 255]), kind]
    for name, type_, off, value in fields:
        length = (len(value) + off) % 65_536
        parts.append(bytes([len(name) & 255]) + name + bytes([type_]) + length.to_bytes(2, "big") + value)
    return b"".join(parts)
