"""Others' code that judges the same cases: the Go team's packages, and pymerkle (tools/mutations.in)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pymerkle import ConsistencyProof, InclusionProof, InvalidProof
from pymerkle.core import _consistency_path_layout, _inclusion_path_layout
from ringfence_audit.log.domain.witnesses import PolicyMalformed, read_policy

from .cases import Case, Verdict, said_of, subsets
from .policies import URL
from .proofs import LARGEST, split

Range = tuple[int, int]
PATIENCE_SECONDS = 300
_UNASKED = ("leaf", "answer", "policy", "state")


class Go:
    """The program of `oracle/main.go`; it says nothing of leaves and answers, nor of trees larger than tlog counts."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def __call__(self, cases: Sequence[Case]) -> list[Verdict | None]:
        """Asks about all cases at once."""
        asked = [case for case in cases if case.kind not in _UNASKED]
        done = subprocess.run(
            [self._program],
            input="".join(f"{case.as_json()}\n" for case in asked),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        )
        lines = done.stdout.split("\n")[:-1]
        if len(lines) != len(asked):
            raise RuntimeError(f"{len(lines)} verdicts on {len(asked)} cases")
        verdicts = iter(lines)
        return [None if case.kind in _UNASKED else _read(next(verdicts)) for case in cases]


def pymerkle(cases: Sequence[Case]) -> list[Verdict | None]:
    """Says whether proofs hold; nothing where its own proof of the same takes other hashes than RFC 9162's."""
    return [_PROOFS[case.kind](case) if case.kind in _PROOFS else None for case in cases]


def reader(cases: Sequence[Case]) -> list[Verdict | None]:
    """Asks the log's own reader of policies, which needs an address of each witness: what stands there is for it."""
    return [_policy(case) if case.kind == "policy" else None for case in cases]


def _policy(case: Case) -> Verdict | None:
    try:
        text = b"\n".join(map(_addressed, case.given["policy"].split(b"\n"))).decode()
        read = read_policy(text)
    except PolicyMalformed as error:
        return Verdict(False, str(error))
    except UnicodeDecodeError:  # to the log a policy is text
        return None
    named = [(each.name.encode(), each.key_name, each.algorithm, each.public_key) for each in read.witnesses]
    groups = {
        name.encode(): (least, tuple(each.encode() for each in members))
        for name, (least, members) in read.groups.items()
    }
    sets = subsets([each.name.encode() for each in read.witnesses])
    met = [read.is_met({name.decode() for name in each}) for each in sets]
    return Verdict(True, said_of(named, groups, read.quorum.encode(), met))


def _addressed(line: bytes) -> bytes:
    words = [word for word in re.split(b"[ \t]+", line) if word]
    return b" ".join([*words[:3], URL]) if words[:1] == [b"witness"] and len(words) in (3, 4) else line


def _read(line: str) -> Verdict | None:
    return None if line == "?" else Verdict(line[:1] == "+", line[1:])


def _included(case: Case) -> Verdict:
    given = case.given
    index, size = given["index"] + 1, given["size"]
    if not 0 < index <= size <= LARGEST:
        return Verdict(False)
    rule, _ = _inclusion_path_layout(index, size)
    path = [given["leaf_hash"], *given["proof"]]
    return _holds(InclusionProof("sha256", True, size, index, rule, path), path[0], given["root"])


def _consistent(case: Case) -> Verdict | None:
    given = case.given
    old, size = given["old_size"], given["size"]
    if not 0 < old <= size <= LARGEST:
        return Verdict(False)
    own = _ranges(old, 0, size)
    hashes = [given["old_root"], *given["proof"]] if own[0] == (0, old) else given["proof"]
    rule, subset, ranges = _consistency_path_layout(old, size)
    if len(hashes) != len(own):
        return Verdict(False)
    if sorted(own) != sorted(ranges):
        return None
    known = dict(zip(own, hashes, strict=True))
    proof = ConsistencyProof("sha256", True, size, old, rule, subset, [known[each] for each in ranges])
    return _holds(proof, given["old_root"], given["root"])


_PROOFS = {"inclusion": _included, "consistency": _consistent}


def _holds(proof: InclusionProof | ConsistencyProof, first: bytes, second: bytes) -> Verdict:
    try:
        proof.verify(first, second)
    except InvalidProof as error:
        return Verdict(False, str(error))
    return Verdict(True)


def _ranges(old: int, start: int, end: int) -> list[Range]:
    """The leaves under each hash of a consistency proof (RFC 6962 §2.1.2), the old tree itself among them."""
    if start + old == end:
        return [(start, end)]
    middle = start + split(end - start)
    if start + old <= middle:
        return [*_ranges(old, start, middle), (middle, end)]
    return [*_ranges(old - (middle - start), middle, end), (start, middle)]
