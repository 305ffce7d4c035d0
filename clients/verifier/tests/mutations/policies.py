"""Witness policies (C2SP tlog-policy), and what witnesses sign (C2SP tlog-cosignature), and changes to them."""

from __future__ import annotations

from base64 import b64decode
from functools import cache
from hashlib import sha256
from random import Random

from ringfence_verifier.cosignature import ED25519
from ringfence_verifier.witness.keys import CosigningKey

from ..notes import base64
from . import pieces
from .cases import Made
from .proofs import some_size
from .signed import DASH, ORDER, SMALL, changed_lines, checkpoint_lines, signers

URL = b"https://witness.example/w"
WORDS = (b"log", b"witness", b"group", b"quorum", b"#", b"none", b"any", b"all", b"w0", b"w1", b"g0", b"g1")
POLICY_CHANGES = ("none", *("word", "words", "line", "key", "number") * 2, "raw")
LINE_CHANGES = ("none", *("signature", "time", "name", "lines", "text") * 2, "key", "raw")


@cache
def witnesses() -> tuple[CosigningKey, ...]:
    """Keys of witnesses, of which the second has the first one's name."""
    names = ("witness.example/a", "witness.example/a", "w", "bücher.example/свидетель", "w" * 200)
    return tuple(CosigningKey.of(name, ED25519, bytes([number + 50]) * 32) for number, name in enumerate(names))


def policy(chance: Random) -> Made:
    """A policy with one or two changes, or none."""
    lines = _some_policy(chance)
    done = chance.choice(POLICY_CHANGES)
    if done != "none":
        lines = _changed(chance, lines, done)
        if chance.random() < 0.2:
            lines = _changed(chance, lines, chance.choice(POLICY_CHANGES[1:-1]))
    content = b"".join(b" ".join(words) + b"\n" for words in lines)
    return "policy", done, {"policy": pieces.raw(chance, content) if done == "raw" else content}


def cosignature(chance: Random) -> Made:
    """A checkpoint with a witness's line, and a change to that, or none; and the keys of log and witness."""
    signer, witness = signers()[chance.choice((0, 2, 3))], chance.choice(witnesses())
    size = some_size(chance)
    lines = checkpoint_lines(chance, signer.name, size, chance.randbytes(32))
    text = b"".join(line + b"\n" for line in lines)
    done = chance.choice(LINE_CHANGES)
    seconds = chance.choice((0, 1_700_000_000, 2**31, 2**63 - 1))
    signed = b"".join(each + b"\n" for each in changed_lines(chance, lines)) if done == "text" else text
    line = _line(witness, signed, seconds)
    theirs = [line]
    if done == "signature":
        theirs = [_wrong(chance, witness, text, seconds)]
    elif done == "time":
        theirs = [_at_another_time(chance, witness, text, seconds)]
    elif done == "name":
        theirs = [line.replace(witness.public.name.encode(), chance.choice((b"w", b"a b", b"", b"w+", b"\xff")), 1)]
    elif done == "lines":
        more = (line, _wrong(chance, witness, text, seconds), b"\n", line[:-1], _line(witness, text, seconds ^ 1))
        theirs = pieces.listed(chance, [line], more, lambda each: pieces.raw(chance, each))
    own = DASH + b" " + signer.name.encode() + b" " + base64(signer.signature(text)).encode() + b"\n"
    every = [own, *theirs] if chance.random() < 0.7 else [*theirs, own]
    content = text + b"\n" + b"".join(every)
    key = witness.public.text().encode()
    if done == "key":
        key = _changed_key(chance, witness)
    elif done == "raw":
        content = pieces.raw(chance, content)
    return "cosignature", done, {"note": content, "key": signer.vkey.encode(), "cosigner": key}


def _some_policy(chance: Random) -> list[list[bytes]]:
    """Lines of words: logs, witnesses, groups of what is not in one yet, and a quorum."""
    lines = [[b"log", signers()[0].vkey.encode()]] if chance.random() < 0.9 else []
    free: list[bytes] = []
    for number, witness in enumerate(witnesses()[: chance.randint(1, 5)]):
        name = chance.choice((b"w%d" % number, b"w%d" % number, "ä%d".encode() % number))
        lines.append([b"witness", name, witness.public.text().encode(), URL])
        free.append(name)
    for number in range(chance.randrange(3)):
        members = chance.sample(free, chance.randint(1, len(free)))
        least = chance.choice((b"any", b"all", b"%d" % chance.randint(1, len(members))))
        free = [each for each in free if each not in members] + [b"g%d" % number]
        lines.append([b"group", b"g%d" % number, least, *members])
    if chance.random() < 0.2:
        lines.insert(chance.randrange(len(lines) + 1), [b"#", b"who", b"has", b"seen", b"it"])
    return [*lines, [b"quorum", chance.choice((*free, b"none"))]]


def _changed(chance: Random, lines: list[list[bytes]], what: str) -> list[list[bytes]]:
    made = [list(words) for words in lines]
    at = chance.randrange(len(made))
    if what == "line":
        return pieces.listed_of(chance, made, [[], [b""], [b"quorum", b"w0"], [b"log", signers()[2].vkey.encode()]])
    if what == "key":
        keyed = [
            number for number, words in enumerate(made) if words[:1] in ([b"witness"], [b"log"]) and len(words) > 1
        ]
        if keyed:
            at = chance.choice(keyed)
            place = 2 if made[at][0] == b"witness" and len(made[at]) > 2 else 1
            made[at][place] = _another_key(chance, made[at][place])
        return made
    if what == "number":
        grouped = [words for words in made if words[:1] == [b"group"] and len(words) > 2]
        for words in grouped[:1]:
            words[2] = chance.choice(
                (b"0", b"01", b"+1", b"1.0", b"-1", b"ALL", b"", b"99999", b"9" * 5_000, b"2", b"1")
            )
        return made
    if what == "words":
        made[at] = pieces.listed(chance, made[at], (*WORDS, URL), lambda word: pieces.raw(chance, word))
    elif made[at]:
        place = chance.randrange(len(made[at]))
        word = made[at][place]
        odd = chance.choice((*pieces.ODD, "\u00e4")).encode()
        made[at][place] = chance.choice(
            (chance.choice(WORDS), word + odd, odd + word, word + chance.choice(pieces.BROKEN))
        )
    return made


def _another_key(chance: Random, key: bytes) -> bytes:
    others = [each.public.text().encode() for each in witnesses()] + [signers()[0].vkey.encode()]
    name, _, encoded = key.rpartition(b"+")
    written = encoded and pieces.base64_text(chance, encoded) if _is_base64(encoded) else encoded
    return chance.choice((*others, pieces.raw(chance, key), name + b"+" + written, key.upper(), key + b"+"))


def _is_base64(text: bytes) -> bool:
    """Whether a key of a witness stands there still: what was changed before may have its length alone."""
    try:
        return len(text) == 44 and bool(b64decode(text))
    except ValueError:
        return False


def _changed_key(chance: Random, witness: CosigningKey) -> bytes:
    """A key of another type, length or witness, whose id may belong to it all the same."""
    name, content = witness.public.name.encode(), bytes([4]) + witness.public.public_key
    if chance.random() < 0.3:
        return chance.choice((_another_key(chance, witness.public.text().encode()), witness.public.text().encode()))
    changed = chance.choice(
        (
            b"\x01" + content[1:],
            b"\x06" + content[1:],
            content[:-1],
            content + b"\0",
            b"\x04",
            b"\x04" + chance.choice(SMALL),
        )
    )
    strange = chance.choice((name, name, name, b"", name + b" ", name + b"\xc2\xa0", name + b"\0"))
    key_id = sha256(strange + b"\n" + changed).hexdigest()[:8].encode()
    return b"+".join((strange, chance.choice((key_id, key_id, key_id.upper(), b"")), base64(changed).encode()))


def _line(witness: CosigningKey, text: bytes, seconds: int) -> bytes:
    """The line of a cosignature of a text, whatever that is."""
    message = b"cosignature/v1\ntime %d\n" % seconds + text
    return _written(witness, seconds.to_bytes(8, "big") + witness.private.sign(message))


def _written(witness: CosigningKey, signature: bytes) -> bytes:
    public = witness.public
    return DASH + b" " + public.name.encode() + b" " + base64(public.key_id + signature).encode() + b"\n"


def _wrong(chance: Random, witness: CosigningKey, text: bytes, seconds: int) -> bytes:
    """A signature of this text without its time, by another key, with another scalar, cut or changed."""
    time, good = seconds.to_bytes(8, "big"), witness.private.sign(b"cosignature/v1\ntime %d\n" % seconds + text)
    scalar = int.from_bytes(good[32:], "little") + ORDER
    other = chance.choice(witnesses()).private
    return _written(
        witness,
        chance.choice(
            (
                good,
                time + witness.private.sign(text),
                time + other.sign(b"cosignature/v1\ntime %d\n" % seconds + text),
                time + witness.private.sign(b"cosignature/v2\ntime %d\n" % seconds + text),
                time + good[:32] + scalar.to_bytes(32, "little"),
                time + pieces.flipped(chance, good),
                pieces.flipped(chance, time) + good,
                time + good[:-1],
                time + good + b"\0",
                time,
                b"",
            )
        ),
    )


def _at_another_time(chance: Random, witness: CosigningKey, text: bytes, seconds: int) -> bytes:
    """A time that is written in another way than it is signed, or beyond what seconds have."""
    large = chance.choice((2**63, 2**64 - 1, 2**63 + seconds))
    signed = chance.choice(
        (b"%d" % large, b"%d" % (large - 2**64), b"%d" % seconds, b"0%d" % seconds, b"+%d" % seconds)
    )
    shown = chance.choice((large, seconds, seconds ^ 1)) % 2**64
    return _written(
        witness, shown.to_bytes(8, "big") + witness.private.sign(b"cosignature/v1\ntime " + signed + b"\n" + text)
    )
