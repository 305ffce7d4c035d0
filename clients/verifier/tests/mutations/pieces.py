"""Changes to the smallest pieces: numbers, base64, hashes, lists, bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

Each = TypeVar("Each")
ODD = (
    "\n", "\n\n", " ", "\t", "\r", "\r\n", "\0", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u3000", "\u200b", "\ufeff",
    "=", "+", "-", "\u2014", "\u2013", "/", "\u0661", "\U0001d7d8", "0", "A",
)  # fmt: skip
BROKEN = (b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x80")
"""Bytes that are no UTF-8: a tail alone, overlong, a surrogate, above U+10FFFF, never, cut short."""


def number_text(chance: Random, text: bytes) -> bytes:
    """Another text where a decimal stands: another number, or the same one in a form that is none."""
    value = int(text)
    return chance.choice(
        (
            b"0" + text, b"+" + text, b"-" + text, b" " + text, text + b" ", text + b"\t", b"", b"-0", b"00",
            text + b".0", b"0x%x" % value, b"%d_0" % value, b"%de0" % value, b"9" * 5000, b"1" + b"0" * 18,
            b"%d" % (value + chance.choice((1, -1)) if value else 1), b"%d" % (value ^ 1 << chance.randrange(64)),
            b"%d" % (2**63 - 1), b"%d" % 2**63, b"%d" % 2**64, b"%d" % (2**64 + value), b"%d" % (value * 2),
            text.translate(bytes.maketrans(b"0123456789", b"abcdefghij")),
            "".join(chr(0x0660 + digit - 48) for digit in text).encode(), text + b"\0", text + b"\r",
        )
    )  # fmt: skip


def base64_text(chance: Random, text: bytes) -> bytes:
    """Another text where base64 stands: another value, another length, or the same value written otherwise."""
    value = b64decode(text)
    at = chance.randrange(len(text) + 1)
    changes: Sequence[Callable[[], bytes]] = (
        lambda: text.rstrip(b"="),
        lambda: text + b"=" * chance.randint(1, 4),
        lambda: b"=" + text,
        lambda: text[:at] + chance.choice((b"\n", b" ", b"\r", b"\r\n", b"=", b"==", b"-", b"_", b".")) + text[at:],
        lambda: _noncanonical(text),
        lambda: urlsafe_b64encode(value),
        lambda: b64encode(value[:-1]),
        lambda: b64encode(value + bytes([chance.randrange(256)])),
        lambda: b64encode(flipped(chance, value)),
        lambda: b64encode(value[: chance.randrange(len(value) + 1)]),
        lambda: value.hex().encode(),
        lambda: text[::-1],
        lambda: text * 2,
        lambda: text[:at],
        lambda: b"",
    )
    return chance.choice(changes)()


def hash_value(chance: Random, value: bytes) -> bytes:
    """Another hash, or bytes that are none."""
    return chance.choice(
        (
            flipped(chance, value),
            value[:-1],
            value + b"\0",
            b"",
            value[::-1],
            bytes(32),
            chance.randbytes(32),
            value * 2,
        )
    )


def number(chance: Random, value: int, others: Sequence[int]) -> int:
    """Another index or size: a neighbour, another bit, a bound, or another number of the same proof."""
    bit = 1 << chance.randrange(66)
    near = (value + 1, value - 1, value ^ 1, value ^ bit, value + bit, value - bit, value * 2, value // 2, -value)
    return chance.choice((*near, *near, *others, 0, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64, 2**70))


def listed(
    chance: Random, values: list[bytes], strange: Sequence[bytes], change: Callable[[bytes], bytes]
) -> list[bytes]:
    """A list with one thing left out, twice, elsewhere, changed or added."""
    made = list(values)
    at = chance.randrange(len(made)) if made else 0
    step = chance.randrange(10) if made else 8
    if step == 0:
        del made[at]
    elif step == 1:
        made.insert(at, made[at])
    elif step == 2:
        made.insert(chance.randrange(len(made)), made.pop(at))
    elif step in (3, 4, 5):
        made[at] = change(made[at])
    elif step == 6:
        made.reverse()
    elif step == 7:
        del made[at:]
    elif step == 8:
        made.insert(chance.choice((0, len(made))), chance.choice(strange))
    else:
        made[at] = chance.choice(strange)
    return made


def listed_of(chance: Random, values: list[Each], strange: Sequence[Each]) -> list[Each]:
    """A list of anything with one thing left out, twice, elsewhere, or added."""
    made, at = list(values), chance.randrange(len(values))
    step = chance.randrange(5)
    if step == 0:
        del made[at]
    elif step == 1:
        made.insert(at, made[at])
    elif step == 2:
        made.insert(chance.randrange(len(made)), made.pop(at))
    elif step == 3:
        made.reverse()
    else:
        made.insert(chance.randrange(len(made) + 1), chance.choice(strange))
    return made


def raw(chance: Random, content: bytes) -> bytes:
    """Bytes with a few of them flipped, left out, put in, moved or cut off."""
    at = chance.randrange(len(content) + 1)
    end = min(len(content), at + chance.randint(1, 8))
    odd = chance.choice(BROKEN) if chance.random() < 0.2 else chance.choice(ODD).encode()
    changes: Sequence[Callable[[], bytes]] = (
        lambda: flipped(chance, content),
        lambda: content[:at] + content[end:],
        lambda: content[:at] + odd + content[at:],
        lambda: content[:at] + odd + content[end:],
        lambda: content[:at] + content[at:end] + content[at:],
        lambda: content[:at],
        lambda: content[at:],
        lambda: content + content[at:],
        lambda: content[end:] + content[:end],
        lambda: content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"", b"\n\n", b" \n"))),
        lambda: odd + content,
        lambda: content + odd,
    )
    return chance.choice(changes)()


def flipped(chance: Random, content: bytes) -> bytes:
    """Bytes with one bit changed."""
    if not content:
        return b"\x01"
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _noncanonical(text: bytes) -> bytes:
    """The same value with other unused bits, where the padding leaves some."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip(b"=")
    if body == text:
        return text + b"===="
    return body[:-1] + bytes([alphabet[alphabet.index(body[-1]) | 1]]) + text[len(body) :]
