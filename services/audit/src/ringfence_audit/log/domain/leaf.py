"""Leaves: the canonical bytes of one business fact.

    leaf  = 0x01 ‖ string(kind) ‖ field…
    field = string(name) ‖ type ‖ length (2 bytes) ‖ value
    string = length (1 byte) ‖ ASCII

Names are in strictly ascending byte order and absent values are left out, so that a fact has exactly one encoding.
Types: 0x01 signed integer (8 bytes), 0x02 bytes, 0x03 UTF-8 text. All integers are big-endian. A leaf is under 64 KiB,
so that it fits a C2SP entry bundle, in which each leaf follows its length as 2 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

FORMAT_VERSION = 0x01
INTEGER, BYTES, TEXT = 0x01, 0x02, 0x03
MAX_LEAF_BYTES = 65_535
STATE_KIND = "audit.state.v1"
"""What the log states of itself; whoever looks for facts passes it by."""

Value = int | bytes | str


def encode(kind: str, fields: Mapping[str, Value | None]) -> bytes:
    """Encodes a fact; None leaves a field out.

    Raises ValueError where the leaf or a name is too long, OverflowError where an integer exceeds 64 bits.
    """
    leaf = prefix(kind)
    leaf += b"".join(_field(name, value) for name, value in sorted(fields.items()) if value is not None)
    if len(leaf) > MAX_LEAF_BYTES:
        raise ValueError(f"a leaf of {len(leaf)} bytes exceeds {MAX_LEAF_BYTES}")
    return leaf


def decode(leaf: bytes) -> tuple[str, dict[str, Value]]:
    """Reads a leaf written by this service into its kind and fields.

    Raises ValueError where the bytes are not the one canonical encoding.
    """
    fields: dict[str, Value] = {}
    previous = b""
    try:
        at = 2 + leaf[1]
        kind = leaf[2:at].decode("ascii")
        while at < len(leaf):
            end = at + 1 + leaf[at]
            name = leaf[at + 1 : end]
            at = end + 3 + (leaf[end + 1] << 8 | leaf[end + 2])
            if name <= previous:
                raise ValueError("the leaf is not in order")
            fields[name.decode("ascii")] = _value(leaf[end], leaf[end + 3 : at])
            previous = name
    except (IndexError, UnicodeError) as error:
        raise ValueError("the leaf is malformed") from error
    if leaf[0] != FORMAT_VERSION or not kind or at != len(leaf) or at > MAX_LEAF_BYTES:
        raise ValueError("the leaf is cut short or of another version")
    return kind, fields


def prefix(kind: str) -> bytes:
    """Returns what the leaves of a kind begin with, so that others need not be read."""
    return bytes([FORMAT_VERSION]) + _string(kind)


class LeafTemplate:
    """Encodes many facts of one kind that share some fields and vary in others, at a fraction of the cost.

    `varying` has one value of each field that varies: all others must be of its type and length. Raises ValueError
    where a leaf would be too long.
    """

    def __init__(self, kind: str, shared: Mapping[str, Value], varying: Mapping[str, Value]) -> None:
        self.names = tuple(sorted(varying))
        constants = [prefix(kind)]
        layout = []
        for name in sorted({*shared, *varying}):
            if name in shared:
                constants[-1] += _field(name, shared[name])
            else:
                header, code = _fixed(varying[name])
                constants[-1] += _string(name) + header
                layout.append(f"{len(constants[-1])}s{code}")
                constants.append(b"")
        self._struct = struct.Struct(">" + "".join(layout) + f"{len(constants[-1])}s")
        if self._struct.size > MAX_LEAF_BYTES:
            raise ValueError(f"a leaf of {self._struct.size} bytes exceeds {MAX_LEAF_BYTES}")
        self._arguments: list[Value] = [b""] * (2 * len(constants) - 1)
        self._arguments[::2] = constants

    def encode(self, values: Iterable[int | bytes]) -> bytes:
        """Encodes one fact from its values in the order of `names`, texts in UTF-8."""
        arguments = self._arguments.copy()
        arguments[1::2] = values
        return self._struct.pack(*arguments)


def pack(leaves: Iterable[bytes]) -> bytes:
    """Writes leaves as a C2SP entry bundle."""
    return b"".join([part for leaf in leaves for part in (len(leaf).to_bytes(2, "big"), leaf)])


def unpack(bundle: bytes) -> Iterator[bytes]:
    """Reads the leaves of an entry bundle in order."""
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        yield bundle[at + 2 : end]
        at = end


def commitment(ciphertext: bytes) -> bytes:
    """Commits to a personal field by its ciphertext under the subject's own key.

    The random nonce in front of the ciphertext is the salt; once the key is destroyed there is nothing left to compare
    a guess with, while the leaf and every proof over it stay as they are.
    """
    return sha256(b"ringfence/commitment/v1\x00" + ciphertext).digest()


def text_commitment(salt: bytes, content: bytes) -> bytes:
    """Commits to free text, UTF-8, by a salt of its own, which stands beside the log with it.

    Once both are gone there is nothing left to compare a guess with.
    """
    return sha256(b"ringfence/text/v1\x00" + salt + content).digest()


def _field(name: str, value: Value) -> bytes:
    if isinstance(value, int):
        return _string(name) + _header(INTEGER, 8) + value.to_bytes(8, "big", signed=True)
    content, kind_of_value = (value.encode(), TEXT) if isinstance(value, str) else (value, BYTES)
    if len(content) > MAX_LEAF_BYTES:
        raise ValueError(f"the field {name} is too long for a leaf")
    return _string(name) + _header(kind_of_value, len(content)) + content


def _fixed(value: Value) -> tuple[bytes, str]:
    """Returns what stands before a value of this type and length, and its code in a struct."""
    if isinstance(value, int):
        return _header(INTEGER, 8), "q"
    content, kind_of_value = (value.encode(), TEXT) if isinstance(value, str) else (value, BYTES)
    if len(content) > MAX_LEAF_BYTES:
        raise ValueError("a value is too long for a leaf")
    return _header(kind_of_value, len(content)), f"{len(content)}s"


def _header(kind_of_value: int, length: int) -> bytes:
    return struct.pack(">BH", kind_of_value, length)


def _string(text: str) -> bytes:
    content = text.encode("ascii")
    if not 0 < len(content) < 256:
        raise ValueError(f"{text!r} is not a name of 1 to 255 characters")
    return bytes([len(content)]) + content


def _value(kind_of_value: int, content: bytes) -> Value:
    if kind_of_value == BYTES:
        return content
    if kind_of_value == INTEGER and len(content) == 8:
        return int.from_bytes(content, "big", signed=True)
    if kind_of_value != TEXT:
        raise ValueError("the leaf has a value of an unknown type")
    return content.decode()
