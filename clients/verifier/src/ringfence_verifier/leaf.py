"""Reads leaves back into the facts they state (docs/formats.md)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from ringfence_verifier.errors import VerificationError

MAX_LEAF_BYTES = 65_535

Value = int | bytes | str

_INTEGER = Struct(">q")


@dataclass(frozen=True)
class Fact:
    """A decoded leaf: what kind of fact it is, for instance `custody.transfer.v1`, and its named values."""

    kind: str
    fields: dict[str, Value]

    def integer(self, name: str) -> int:
        """Gives an integer field; raises VerificationError where it is absent or of another type."""
        value = self.fields.get(name)
        if not isinstance(value, int):
            raise VerificationError(f"a {self.kind} leaf has no integer {name}")
        return value

    def content(self, name: str) -> bytes:
        """Gives a bytes field; raises VerificationError where it is absent or of another type."""
        value = self.fields.get(name)
        if not isinstance(value, bytes):
            raise VerificationError(f"a {self.kind} leaf has no bytes {name}")
        return value

    def text(self, name: str) -> str:
        """Gives a text field; raises VerificationError where it is absent or of another type."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise VerificationError(f"a {self.kind} leaf has no text {name}")
        return value


def read_leaf(leaf: bytes) -> Fact:
    """Decodes a leaf; raises VerificationError where it is not in the one canonical form of version 1."""
    if len(leaf) > MAX_LEAF_BYTES:
        raise VerificationError("the leaf is longer than any leaf may be")
    if leaf[:1] != b"\x01":
        raise VerificationError("the leaf is of an unknown version")
    end = len(leaf)
    at = 2 + (leaf[1] if end > 1 else 0)
    if at > end:
        raise VerificationError("the leaf is cut short")
    kind, previous = _name(leaf[2:at]), ""
    fields: dict[str, Value] = {}
    # A whole log is read field by field here: positions are kept by hand.
    while at < end:
        type_at = at + 1 + leaf[at]
        start = type_at + 3
        if start > end:
            raise VerificationError("the leaf is cut short")
        stop = start + (leaf[type_at + 1] << 8 | leaf[type_at + 2])
        if stop > end:
            raise VerificationError("the leaf is cut short")
        name = _name(leaf[at + 1 : type_at])
        if name <= previous:
            raise VerificationError("the leaf's fields are not in order")
        fields[name] = _value(leaf[type_at], leaf[start:stop])
        previous, at = name, stop
    return Fact(kind, fields)


@lru_cache(maxsize=1024)
def _name(content: bytes) -> str:
    """Decodes a name; a log has few of them, each in most leaves."""
    if not content or not content.isascii():
        raise VerificationError("a name in the leaf is malformed")
    return content.decode("ascii")


def _value(kind: int, content: bytes) -> Value:
    if kind == 1 and len(content) == 8:
        integer: int = _INTEGER.unpack(content)[0]
        return integer
    if kind == 2:
        return content
    if kind != 3:
        raise VerificationError("a value in the leaf is of an unknown type")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise VerificationError("a text in the leaf is not UTF-8") from error
