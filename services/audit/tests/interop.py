"""What a running service gives, judged by the Go team's note and tlog packages: part of `make mutations`.

With RINGFENCE_RECORD=1 the evidence and what Go says of it are written for those who have no Go
(`clients/verifier/tests/mutations/from_service.json`).
"""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path
from random import Random

import pytest
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier.proofs import leaf_hash

from clients.verifier.tests.mutations import pieces
from clients.verifier.tests.mutations.cases import Case, Made, judged
from clients.verifier.tests.mutations.from_service import record
from clients.verifier.tests.mutations.oracles import Go

from .test_audit_tiles import Tiles, path_of, tiles, widths

__all__ = ["tiles"]
ORACLE = Path(__file__).resolve().parents[3] / ".mutations" / "oracle"


@pytest.fixture
def given(request: pytest.FixtureRequest) -> list[Made]:
    """A checkpoint, receipts, proofs of consistency and of inclusion, and every tile, over HTTPS and gRPC."""
    log: Tiles = request.getfixturevalue("tiles")
    vkey = log.service.verifier_key().encode()
    note = log.get("/checkpoint").body
    checkpoint = log.checkpoint()
    made: list[Made] = [("checkpoint", "none", {"note": note, "key": vkey}), ("key", "none", {"key": vkey})]
    for index in (0, 255, 256, checkpoint.size - 1):
        reply = log.regulator.call("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=index))
        of = {"note": reply.proof.encode(), "key": vkey, "leaf": None}
        made.append(("receipt", "none", of))
        head, _, rest = reply.proof.partition("\n\n")
        proof = [b64decode(line) for line in head.split("\n") if not line.startswith(("c2sp.org/", "extra ", "index "))]
        size, root = rest.split("\n")[1:3]
        where = {"leaf_hash": leaf_hash(reply.leaf), "index": index, "size": int(size)}
        made.append(("inclusion", "none", {**where, "proof": proof, "root": b64decode(root)}))
    listed = {}
    for level in range(2):
        for index, width in enumerate(widths(checkpoint.size >> 8 * level)):
            listed[level, index, width] = log.get(path_of(str(level), index, width)).body
    for level, index, width in listed:
        served = [[*place, content] for place, content in sorted(listed.items())]
        what = {"level": level, "index": index, "width": width, "tiles": served}
        made.append(("tile", "none", {"size": checkpoint.size, "root": checkpoint.root, **what}))
    first = listed[0, 0, 256]
    reply = log.regulator.call(
        "GetConsistencyProof", audit_pb2.GetConsistencyProofRequest(from_size=1, to_size=checkpoint.size)
    )
    sizes = {"old_size": 1, "old_root": first[:32], "size": checkpoint.size, "root": checkpoint.root}
    made.append(("consistency", "none", {**sizes, "proof": list(reply.path)}))
    return made


def test_others_accept_what_the_service_gives_and_nothing_changed(given: list[Made]) -> None:
    """As what the verifier takes it for; of a hundred changed forms of each none is accepted by the verifier alone."""
    oracle, chance = Go(ORACLE), Random("ringfence/interop")
    true = [Case(number, *each) for number, each in enumerate(given)]
    said = oracle(true)
    for case, verdict in zip(true, said, strict=True):
        ours = judged(case)
        assert verdict is not None
        assert (ours.accepted, verdict.accepted) == (True, True), (case, ours, verdict)
        assert verdict.said == ours.said, case
    changed = [_changed(chance, case) for case in true for _ in range(100)]
    for case, verdict in zip(changed, oracle(changed), strict=True):
        ours = judged(case)
        assert verdict is None or verdict.accepted or not ours.accepted, case
    if os.environ.get("RINGFENCE_RECORD"):
        record(true, [each for each in said if each is not None])


def _changed(chance: Random, case: Case) -> Case:
    """One of its pieces with a byte more, less or changed."""
    made = dict(case.given)
    name = chance.choice([each for each, value in made.items() if isinstance(value, bytes | list)])
    value = made[name]
    if isinstance(value, bytes):
        made[name] = pieces.raw(chance, value)
    elif value:
        at = chance.randrange(len(value))
        one = value[at]
        flipped = pieces.flipped(chance, one) if isinstance(one, bytes) else [*one[:3], pieces.flipped(chance, one[3])]
        made[name] = [*value[:at], flipped, *value[at + 1 :]]
    return Case(case.number, case.kind, "changed", made)
