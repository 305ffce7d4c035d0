"""Reads leaves back into the facts they state (docs/formats.md)."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_verifier.errors import VerificationError

MAX_LEAF_BYTES = 65_535

Value = int | bytes | str


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
    reader = _Reader(leaf, 1)
    kind = reader.string()
    fields: dict[str, Value] = {}
    previous = ""
    while reader.at < len(leaf):
        name = reader.string()
        if name <= previous:
            raise VerificationError("the leaf's fields are not in order")
        fields[name] = reader.value()
        previous = name
    return Fact(kind, fields)


class _Reader:
    """A position in a leaf that never runs over its end."""

    def __init__(self, leaf: bytes, at: int) -> None:
        self._leaf, self.at = leaf, at

    def take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self._leaf):
            raise VerificationError("the leaf is cut short")
        return self._leaf[self.at - count : self.at]

    def string(self) -> str:
        content = self.take(self.take(1)[0])
        if not content or not content.isascii():
            raise VerificationError("a name in the leaf is malformed")
        return content.decode("ascii")

    def value(self) -> Value:
        kind = self.take(1)[0]
        content = self.take(int.from_bytes(self.take(2), "big"))
        if kind == 1 and len(content) == 8:
            return int.from_bytes(content, "big", signed=True)
        if kind == 2:
            return content
        if kind != 3:
            raise VerificationError("a value in the leaf is of an unknown type")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise VerificationError("a text in the leaf is not UTF-8") from error
