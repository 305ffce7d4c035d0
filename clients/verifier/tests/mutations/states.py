"""State leaves, and receipts of leaves that announce or end a key (docs/formats.md), and changes to them."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

from ringfence_verifier import LogState, VerificationError, read_leaf, read_state
from ringfence_verifier.receipt import carried_leaf

from ..notes import Signer, base64, leaf
from . import pieces
from .cases import Case, Made, Verdict
from .proofs import EMPTY, included, some_size
from .receipts import HEADER
from .signed import DASH, changed_note, checkpoint_lines

KNOWN = {
    *("size", "sources", "index_size", "index_root", "books_size", "books_root", "policy_sha256", "time_ns"),
}
OLD, NEW = (Signer("log.example/keys", bytes([number]) * 32) for number in (71, 72))
STATE_CHANGES = ("none", *("field", "sources", "left out", "kind") * 3, "added", "raw")
KEY_CHANGES = ("none", *("leaf", "signers", "index", "hashes", "note") * 2, "raw")


def state(chance: Random) -> Made:
    """A state leaf with a change, or none."""
    size = some_size(chance)
    fields: dict[str, Any] = {
        "size": size,
        "sources": b"".join(_head(chance, name) for name in (b"custody", b"identity")[: chance.randrange(3)]),
        "index_size": chance.randint(0, size),
        "index_root": chance.randbytes(32),
        "books_size": chance.choice((0, chance.randint(0, size))),
        "books_root": chance.choice((bytes(32), chance.randbytes(32))),
        "time_ns": chance.randrange(2**62),
    }
    if chance.random() < 0.7:
        fields["policy_sha256"] = chance.randbytes(32)
    kind, done = "audit.state.v1", chance.choice(STATE_CHANGES)
    name = chance.choice(sorted(fields))
    if done == "field":
        fields[name] = _another(chance, fields, name)
    elif done == "sources":
        fields["sources"] = _other_sources(chance, fields["sources"])
    elif done == "left out":
        del fields[name]
    elif done == "kind":
        kind = chance.choice(("audit.state.v2", "audit.page.v1", "audit.state.v", "x"))
    elif done == "added":
        fields["b" + name] = b"more"
    content = leaf(kind, **fields)
    return "state", done, {"leaf": pieces.raw(chance, content) if done == "raw" else content}


def stated(state: LogState) -> bytes:
    """The only leaf that states this, by an encoder that the verifier does not know."""
    heads = b"".join(
        bytes([len(head.source)])
        + head.source.encode()
        + head.epoch.to_bytes(8, "big")
        + head.position.to_bytes(8, "big")
        + head.hash
        for head in state.source_heads
    )
    named = {"policy_sha256": state.policy_sha256} if state.policy_sha256 else {}
    return leaf(
        "audit.state.v1", size=state.size, sources=heads, index_size=state.index_size, index_root=state.index_root,
        books_size=state.books_size, books_root=state.books_root, time_ns=state.time_ns, **named,
    )  # fmt: skip


def one_state(case: Case) -> Verdict | None:
    """Whether a state that is read is written as it has to be; nothing of one that has fields of a later release."""
    try:
        fact = read_leaf(case.given["leaf"])
        found = read_state(fact)
    except VerificationError:
        return None
    return Verdict(stated(found) == case.given["leaf"]) if set(fact.fields) <= KNOWN else None


def succession(chance: Random) -> Made:
    """The receipt of the leaf that announces a key, with a change or none; the caller has the key before."""
    size = some_size(chance)
    index = chance.choice((0, size - 1, chance.randrange(size)))
    done = chance.choice(KEY_CHANGES)
    content = leaf("audit.key.v1", size=index, vkey=NEW.vkey, previous=OLD.vkey, time_ns=chance.randrange(2**40))
    if done == "leaf":
        content = _other_announcement(chance, index)
    root, proof = included(chance, index, size, sha256(b"\0" + content).digest())
    lines = checkpoint_lines(chance, OLD.name, size, root)
    note = _signed(lines, *((OLD, NEW) if done != "signers" else chance.choice(((OLD,), (NEW,), (NEW, OLD), ()))))
    shown = b"%d" % index
    hashes = [base64(each).encode() for each in proof]
    if done == "index":
        shown = pieces.number_text(chance, shown)
    elif done == "hashes":
        strange = (b"", base64(root).encode(), base64(EMPTY).encode())
        hashes = pieces.listed(chance, hashes, strange, lambda text: pieces.base64_text(chance, text))
    elif done == "note":
        note, _ = changed_note(chance, lines, OLD, chance.choice(("text", "signatures", "frame", "raw")))
        if chance.random() < 0.5:
            note += _line(NEW, b"".join(line + b"\n" for line in lines))
    head = [HEADER, b"extra " + base64(content).encode(), b"index " + shown, *hashes, b"", note]
    made = b"\n".join(head)
    if done == "raw":
        made = pieces.raw(chance, made)
    return "succession", done, {"note": made, "key": OLD.vkey.encode(), "leaf": None}


def one_succession(case: Case) -> Verdict | None:
    """Whether what is followed is the leaf that announces the one key that has signed with the first, at its place."""
    try:
        content = carried_leaf(case.given["note"].decode())
        fact = read_leaf(content)
        index = next(int(line[6:]) for line in case.given["note"].split(b"\n") if line.startswith(b"index "))
    except (VerificationError, UnicodeDecodeError, ValueError, StopIteration):
        return None
    time = {"time_ns": fact.fields["time_ns"]} if "time_ns" in fact.fields else {}
    due = leaf("audit.key.v1", size=index % 2**63, vkey=NEW.vkey, previous=OLD.vkey, **time)
    return Verdict(content == due)


def _signed(lines: list[bytes], *by: Signer) -> bytes:
    text = b"".join(line + b"\n" for line in lines)
    return text + b"\n" + b"".join(_line(each, text) for each in by)


def _line(signer: Signer, text: bytes) -> bytes:
    return DASH + b" " + signer.name.encode() + b" " + base64(signer.signature(text)).encode() + b"\n"


def _head(chance: Random, name: bytes) -> bytes:
    numbers = (chance.randrange(5).to_bytes(8, "big"), chance.randrange(2**63).to_bytes(8, "big"))
    return bytes([len(name)]) + name + b"".join(numbers) + chance.randbytes(32)


def _another(chance: Random, fields: dict[str, Any], name: str) -> Any:
    value = fields[name]
    if isinstance(value, int):
        number = pieces.number(chance, value, [fields["size"], fields["index_size"]])
        return chance.choice((max(-(2**63), min(number, 2**63 - 1)), "1", bytes(8)))
    return chance.choice((b"", value[:-1], value + b"\0", bytes(32), "text", 1, value * 2))


def _other_sources(chance: Random, sources: bytes) -> bytes:
    one, other = _head(chance, b"custody"), _head(chance, b"identity")
    return chance.choice(
        (
            other + one, one + one, sources[:-1], sources + b"\0", one[1:], _head(chance, b"") + one,
            _head(chance, b"\xff"), one[:20], pieces.raw(chance, one + other),
        )
    )  # fmt: skip


def _other_announcement(chance: Random, index: int) -> bytes:
    good: dict[str, Any] = {"size": index, "vkey": NEW.vkey, "previous": OLD.vkey, "time_ns": 1}
    name = chance.choice(("size", "vkey", "vkey", "previous", "kind", "left out"))
    if name == "kind":
        return leaf(chance.choice(("audit.key_ended.v1", "audit.key.v2", "x")), **good)
    if name == "left out":
        del good[chance.choice(sorted(good))]
        return leaf("audit.key.v1", **good)
    strange = Signer("log.example/other", b"\x49" * 32).vkey
    others = (
        OLD.vkey,
        NEW.vkey,
        strange,
        NEW.vkey + " ",
        NEW.vkey.upper(),
        "",
        "x+y+z",
        Signer(OLD.name, b"\x4a" * 32).vkey,
    )
    good[name] = max(0, index + chance.choice((-1, 1, 2))) if name == "size" else chance.choice(others)
    return leaf("audit.key.v1", **good)
