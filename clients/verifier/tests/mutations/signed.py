"""Note keys, notes and checkpoints as C2SP writes them, and changes to them on either side of the signature."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from random import Random

from ..notes import ORIGIN, Signer, base64
from . import pieces
from .cases import Made
from .proofs import some_size

DASH = "\u2014".encode()
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group that Ed25519 signs in: S and S + ORDER are the same number to a lax verifier."""
SMALL = tuple(
    bytes.fromhex(each)
    for each in (
        "01" + "00" * 31, "01" + "00" * 30 + "80", "00" * 32, "00" * 31 + "80",
        "ec" + "ff" * 30 + "7f", "ec" + "ff" * 31, "ed" + "ff" * 30 + "7f", "ed" + "ff" * 31,
        "ee" + "ff" * 30 + "7f", "ee" + "ff" * 31, "02" + "00" * 31, "ff" * 32,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)  # fmt: skip
"""Points of small order, some in encodings that RFC 8032 §5.1.3 refuses, and two that lie on no curve."""


@cache
def signers() -> tuple[Signer, ...]:
    """Keys of logs and witnesses, of which the second has the first one's name."""
    names = (ORIGIN, ORIGIN, "w", "bücher.example/журнал", "witness.example/" + "w" * 200)
    return tuple(Signer(name, bytes([number]) * 32) for number, name in enumerate(names))


def own(chance: Random) -> Signer:
    """The key that the caller trusts."""
    return signers()[chance.choice((0, 0, 0, 2, 3, 4))]


def key(chance: Random) -> Made:
    """A vkey text with a change, or none."""
    signer = own(chance)
    done, content = chance.choice((("none", signer.vkey.encode()), *[_changed_key(chance, signer)] * 20))
    return "key", done, {"key": content}


def note(chance: Random) -> Made:
    """A note of any text, with a change or none."""
    lines = [
        chance.choice(("", "text", "\u2014 text", "für \u20ac", "0")).encode() for _ in range(chance.randint(1, 4))
    ]
    return _case("note", chance, lines)


def checkpoint(chance: Random) -> Made:
    """A checkpoint with a change, or none."""
    return _case("checkpoint", chance, None)


def checkpoint_lines(chance: Random, origin: str, size: int, root: bytes) -> list[bytes]:
    """The text of a checkpoint, with extension lines at times."""
    lines = [origin, str(size), base64(root), *chance.choice(((), (), ("extension",), ("a 1", "\u2014 b c")))]
    return [line.encode() for line in lines]


def changed_note(chance: Random, lines: list[bytes], signer: Signer, where: str) -> tuple[bytes, bytes]:
    """A signed note and the vkey for it, with the text changed before it was signed, or what stands around it after."""
    if where == "text":
        lines = [*lines, _large(chance)] if chance.random() < 0.004 else changed_lines(chance, lines)
    text = b"".join(line + b"\n" for line in lines)
    signatures = [_line(signer.name.encode(), signer.signature(text))]
    if chance.random() < 0.3:
        signatures.insert(chance.randrange(2), _unknown(chance, text))
    vkey = signer.vkey.encode()
    if where == "signatures":
        signatures = _changed_signatures(chance, signatures, signer, text)
    elif where == "key":
        vkey = _changed_key(chance, signer)[1]
    elif where == "small key":
        vkey, signatures = _small(chance, signer.name, text)
    content = text + b"\n" + b"".join(signatures)
    if where == "frame":
        content = chance.choice(
            (text + b"".join(signatures), text + b"\n\n" + b"".join(signatures), content[:-1], text)
        )
    return (pieces.raw(chance, content) if where == "raw" else content), vkey


PLACES = ("text", "text", "text", "signatures", "signatures", "signatures", "key", "small key", "frame", "raw", "raw")


def changed_lines(chance: Random, lines: list[bytes]) -> list[bytes]:
    """Lines with one changed as what it is (a size, a root), or moved, or ended otherwise."""
    made, at = list(lines), chance.randrange(len(lines))
    step = chance.randrange(5)
    if step == 0:
        return pieces.listed(chance, made, (b"", b" ", b"extension", *made), lambda line: pieces.raw(chance, line))
    if step == 1:
        made[at] += chance.choice(pieces.ODD).encode()
    elif step == 2:
        made[at] = pieces.raw(chance, made[at])
    elif len(made) > 1 and made[1].isdigit() and step == 3:
        made[1] = pieces.number_text(chance, made[1])
    elif len(made) > 2 and len(made[2]) == 44:
        made[2] = pieces.base64_text(chance, made[2])
    return made


def _large(chance: Random) -> bytes:
    """As much text as a note may have, a little less or a little more: in one line or in many."""
    line = chance.choice(("x", "\u20ac", "x\n", "\u2014 w AAAAAAA=\n", "x\n\n")).encode()
    return line * (chance.choice((900_000, 999_990, 1_000_001, 1 << 20, 3_200_000)) // len(line))


def _case(kind: str, chance: Random, lines: list[bytes] | None) -> Made:
    signer = own(chance)
    if lines is None:
        size = chance.choice((0, some_size(chance)))
        lines = checkpoint_lines(chance, signer.name, size, chance.randbytes(32) if size else sha256(b"").digest())
    where = chance.choice(("none", *PLACES * 2))
    content, vkey = changed_note(chance, lines, signer, where)
    return kind, where, {"note": content, "key": vkey}


def _line(name: bytes, signature: bytes) -> bytes:
    return DASH + b" " + name + b" " + base64(signature).encode() + b"\n"


def _unknown(chance: Random, text: bytes) -> bytes:
    """The line of a key that the caller does not know, of this algorithm or another."""
    witness = signers()[1]
    signature = chance.choice((witness.signature(text), chance.randbytes(chance.choice((5, 76, 2_424)))))
    return _line(chance.choice((witness.name, "witness.example", "W")).encode(), signature)


def _malformed(chance: Random) -> bytes:
    """The line of a key that there cannot be, or with a signature that is none."""
    name = chance.choice(("w+w", "a b", "a\u00a0b", "\u2028", "", "witness.example")).encode()
    return _line(name, chance.randbytes(chance.choice((0, 3, 4, 68))))


def _changed_signatures(chance: Random, lines: list[bytes], signer: Signer, text: bytes) -> list[bytes]:
    name, good = signer.name.encode(), signer.signature(text)
    scalar = int.from_bytes(good[36:], "little")
    wrong = (
        signer.key_id + signers()[1].signature(text)[4:],
        signer.signature(text + b"\n"),
        signer.signature(text[:-1]),
        good[:36] + (scalar + ORDER).to_bytes(32, "little"),
        good[:36] + bytes(32),
        good[:4] + chance.choice(SMALL) + good[36:],
        pieces.flipped(chance, good),
        good[:-1],
        good + b"\0",
        good[:4],
        good[:5],
        good[4:] + good[:4],
    )
    step = chance.randrange(9)
    if step == 0:
        return [_line(name, chance.choice(wrong))]
    if step == 8:
        return [*lines, _malformed(chance)]
    if step == 1:
        return [*lines, _line(name, chance.choice((good, *wrong)))]
    if step == 2:
        return [_line(name, chance.choice((good, *wrong))), *lines]
    if step == 3:
        many = chance.choice((14, 15, 62, 63, 64, 99, 100, 101))
        return [_line(b"witness.example/%d" % each, bytes(68)) for each in range(many)] + lines
    if step == 4:
        return [DASH + b" " + name + b" " + pieces.base64_text(chance, base64(good).encode()) + b"\n"]
    if step == 5:
        return pieces.listed(
            chance, lines, (b"\n", b" \n", b"text\n", lines[0][:-1]), lambda line: pieces.raw(chance, line)
        )
    if step == 6:
        return [_line(chance.choice((name + b" ", b" " + name, name.upper(), name + b"+", b"", name[:-1])), good)]
    dashes: Sequence[bytes] = (b"-", b"\xe2\x80\x93", b"", DASH + b" ", DASH * 2, b" " + DASH, DASH[:2])
    return [chance.choice(dashes) + lines[0][3:]]


def _changed_key(chance: Random, signer: Signer) -> tuple[str, bytes]:
    name, public, key_id = signer.name.encode(), signer.public, signer.key_id.hex().encode()
    step = chance.choice(("name", "id", "base64", "algorithm", "length", "point", "parts", "raw"))
    if step == "name":
        strange = (
            b"",
            name + b" ",
            name + b"\xc2\xa0",
            name + b"\xe2\x80\xa8",
            b"a\x85",
            name + b"\n",
            name + b"\xff",
            b"\0",
        )
        return step, _vkey(chance.choice((*strange, name + b"/")), public)
    if step == "id":
        return step, b"+".join(
            (
                name,
                chance.choice((key_id.upper(), b"0" + key_id, key_id[1:], b"", b"00000000", b"+")),
                base64(public).encode(),
            )
        )
    if step == "base64":
        return step, b"+".join((name, key_id, pieces.base64_text(chance, base64(public).encode())))
    if step == "algorithm":
        return step, _vkey(name, bytes([chance.choice((0, 2, 4, 5, 6, 255))]) + public[1:])
    if step == "length":
        return step, _vkey(name, chance.choice((public[:-1], public + b"\0", b"\1", b"", public[1:])))
    if step == "point":
        return step, _vkey(name, b"\1" + chance.choice(SMALL))
    if step == "parts":
        parts = pieces.listed(
            chance, [name, key_id, base64(public).encode()], (b"", b"+", name), lambda part: pieces.raw(chance, part)
        )
        return step, b"+".join(parts)
    return step, pieces.raw(chance, signer.vkey.encode())


def _vkey(name: bytes, public: bytes) -> bytes:
    """A vkey whose id belongs to it, whatever the rest is."""
    return b"+".join((name, sha256(name + b"\n" + public).hexdigest()[:8].encode(), base64(public).encode()))


def _small(chance: Random, name: str, text: bytes) -> tuple[bytes, list[bytes]]:
    """A key of small order, and a signature that anybody can make for it."""
    public = b"\1" + chance.choice(SMALL)
    vkey = _vkey(name.encode(), public)
    key_id = bytes.fromhex(vkey.split(b"+")[1].decode())
    scalar = chance.choice((0, 0, 0, ORDER)).to_bytes(32, "little")
    return vkey, [_line(name.encode(), key_id + chance.choice((*SMALL, *SMALL[:2] * 8)) + scalar)]
