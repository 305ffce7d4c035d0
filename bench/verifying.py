"""The rows of the verifier: a log of transfers read leaf by leaf, in a process of its own."""

from __future__ import annotations

import multiprocessing
import random
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_verifier import LogAudit, VerifierKey, verify_checkpoint
from ringfence_verifier.proofs import TreeHash

from bench.load import Seen
from bench.rows import Results, row

TREE, LOG = "audit_tree", "audit_verify"
CONTROL = "SHA-256 of each leaf"
EVENTS_PER_PAGE, LEAVES_PER_EVENT = 3, 33
LEAVES_PER_PAGE = EVENTS_PER_PAGE * LEAVES_PER_EVENT + 1
TURNS = 3
IDS = ("credit_account_id", "debit_account_id", "pending_id", "tenant_id", "transfer_id", "user_data_128")
ORIGIN, TOPIC = "log.example/bench", b"TransfersCreated.v1"


def verifying(results: Results, leaves: int) -> None:
    """Hashes a log to its signed root, and reads it all: pages, chains and every field."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measured, (leaves,))
    for name in (TREE, LOG):
        seen = Seen(leaves, found[name], [found[name] * 1000])
        control = CONTROL, leaves / found[CONTROL]
        results.add(row(name, leaves, 1, seen, control, leaf_us=found[name] / leaves * 1e6))


def measured(leaves: int) -> dict[str, float]:
    """Returns the least seconds of processor time that each took, of a few turns."""
    log = list(log_of(leaves))
    note, vkey = signed(log)
    works: dict[str, Callable[[], None]] = {
        CONTROL: lambda: hash_each(log),
        TREE: lambda: lead_to(log, note, vkey),
        LOG: lambda: read_all(log),
    }
    return {name: min(seconds_of(work) for _ in range(TURNS)) for name, work in works.items()}


def hash_each(log: list[bytes]) -> None:
    """The control: what any verifier has to do at least, without the nodes above."""
    for leaf in log:
        sha256(leaf).digest()


def lead_to(log: list[bytes], note: str, vkey: str) -> None:
    """Compares the root of all leaves with a checkpoint."""
    checkpoint, tree = verify_checkpoint(note, vkey), TreeHash()
    tree.extend(log)
    if (tree.size, tree.root()) != (checkpoint.size, checkpoint.root):
        raise RuntimeError("the leaves do not lead to the root")


def read_all(log: list[bytes]) -> None:
    """Reads every leaf as `ringfence verify log` does; a page that does not follow would raise."""
    audit = LogAudit()
    for leaf in log:
        audit.add(leaf)


def signed(log: list[bytes]) -> tuple[str, str]:
    """Returns a checkpoint over a log, and its key."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key, tree = VerifierKey.of(ORIGIN, private.public_key().public_bytes_raw()), TreeHash()
    tree.extend(log)
    text = f"{ORIGIN}\n{tree.size}\n{b64encode(tree.root()).decode()}\n"
    signature = b64encode(key.key_id + private.sign(text.encode())).decode()
    return f"{text}\n\N{EM DASH} {ORIGIN} {signature}\n", key.text()


def log_of(leaves: int) -> Iterator[bytes]:
    """Yields transfers of random ids, and the page of each three events after theirs (docs/formats.md)."""
    chance, position, chained = random.Random(1), 0, bytes(32)
    for _ in range(leaves // LEAVES_PER_PAGE):
        first, previous, records = position + 1, chained, b""
        for position in range(first, first + EVENTS_PER_PAGE):
            yield from (_transfer(chance, position, ordinal) for ordinal in range(LEAVES_PER_EVENT))
            number, state = position.to_bytes(8, "big"), chance.randbytes(32)
            stream = chance.randbytes(16) + number
            topic = len(TOPIC).to_bytes(8, "big") + TOPIC
            chained = sha256(chained + number + stream + topic + state).digest()
            records += stream + state + LEAVES_PER_EVENT.to_bytes(4, "big") + bytes([len(TOPIC)]) + TOPIC
        yield _leaf(
            "audit.page.v1",
            epoch=0,
            events=records,
            first=first,
            hash=chained,
            last=position,
            previous_hash=previous,
            source="custody",
        )


def _transfer(chance: random.Random, position: int, ordinal: int) -> bytes:
    return _leaf(
        "custody.transfer.v1",
        **{name: chance.randbytes(16) for name in IDS},
        amount_minor=chance.randrange(10**6),
        code=1,
        flags=0,
        ledger=978,
        ordinal=ordinal,
        position=position,
        source="custody",
        status="POSTED",
        time_ns=1_700_000_000_000_000_000,
        timestamp_ns=1_700_000_000_000_000_000,
        user_data_64=0,
    )


def _leaf(kind: str, **fields: int | bytes | str) -> bytes:
    parts = [b"\x01", _name(kind)]
    for name, value in sorted(fields.items()):
        if isinstance(value, int):
            parts.append(_name(name) + struct.pack(">BHq", 1, 8, value))
        else:
            type_, content = (3, value.encode()) if isinstance(value, str) else (2, value)
            parts.append(_name(name) + struct.pack(">BH", type_, len(content)) + content)
    return b"".join(parts)


def _name(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def seconds_of(work: Callable[[], object]) -> float:
    """Returns the seconds of processor time that something took."""
    started = time.process_time()
    work()
    return time.process_time() - started
