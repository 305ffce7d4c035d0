"""The rule: what the verifier accepts, every oracle has to accept as the same thing, but for what is listed here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ringfence_verifier import read_leaf

from .answers import one_answer
from .cases import Case, Verdict, judged
from .leaves import rewritten
from .proofs import EMPTY
from .states import one_state, one_succession
from .trees import one_subtree

Oracle = Callable[[Sequence[Case]], Sequence[Verdict | None]]
"""Gives a verdict on each case; None on what it cannot judge."""


def _extends_nothing(case: Case) -> bool:
    given = case.given
    return case.kind == "consistency" and (given["old_size"], given["old_root"], given["proof"]) == (0, EMPTY, [])


DIFFERENCES: Mapping[str, Callable[[Case], bool]] = {
    # RFC 9162 §2.1.4 has no such proof and both oracles refuse it; C2SP tlog-witness, add-checkpoint: it is empty.
    "a log that extends the empty one": _extends_nothing,
}
"""What the verifier accepts although an oracle refuses it, and the document that says so."""

SLOW_SECONDS = 1.0
"""Of processor time for one case: no evidence of the sizes that are made here takes a tenth of it."""


@dataclass
class Tally:
    """What came of some cases. A fault is something accepted that an oracle refuses, a crash or a hang."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    judged_by: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    accepted_by: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    stricter: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Takes in what came of other cases."""
        for name in ("cases", "accepted", "judged_by", "accepted_by", "stricter", "differences"):
            getattr(self, name).update(getattr(other, name))
        self.faults += other.faults
        self.slowest_seconds = max(self.slowest_seconds, other.slowest_seconds)


def tally(cases: Sequence[Case], oracles: Mapping[str, Oracle]) -> Tally:
    """Judges cases by the verifier and by every oracle."""
    found = Tally()
    asked = {"encoding": one_encoding, **oracles}
    theirs = {name: oracle(cases) for name, oracle in asked.items()}
    for at, case in enumerate(cases):
        said = {name: verdict for name, verdicts in theirs.items() if (verdict := verdicts[at]) is not None}
        found.cases[case.kind, case.mutation] += 1
        ours = _ours(found, case)
        if ours is not None:
            _compare(found, case, ours, said)
    return found


def one_encoding(cases: Sequence[Case]) -> list[Verdict | None]:
    """Whether a leaf or answer is the only encoding of what it says; of leaves nothing where the verifier refuses.

    And whether a subtree's proof holds, by the draft's own algorithm.
    """
    by_kind = {
        "leaf": _one_encoding,
        "answer": one_answer,
        "state": one_state,
        "succession": one_succession,
        "subtree": one_subtree,
    }
    return [by_kind[case.kind](case) if case.kind in by_kind else None for case in cases]


def _one_encoding(case: Case) -> Verdict | None:
    try:
        fact = read_leaf(case.given["leaf"])
    except Exception:
        return None
    return Verdict(rewritten(fact) == case.given["leaf"])


def _ours(found: Tally, case: Case) -> Verdict | None:
    """The verifier's verdict; none where it crashed."""
    began = time.process_time()
    try:
        return judged(case)
    except Exception as error:
        found.faults.append(f"{case}: crashed by {error!r}")
        return None
    finally:
        seconds = time.process_time() - began
        found.slowest_seconds = max(found.slowest_seconds, seconds)
        if seconds > SLOW_SECONDS:
            found.faults.append(f"{case}: took {seconds:.1f} s")


def _compare(found: Tally, case: Case, ours: Verdict, said: Mapping[str, Verdict]) -> None:
    at = case.kind, case.mutation
    found.accepted[at] += ours.accepted
    for name, theirs in said.items():
        found.judged_by[(*at, name)] += 1
        found.accepted_by[(*at, name)] += theirs.accepted
    if ours.accepted:
        against = [name for name, theirs in said.items() if not _agrees(ours, theirs)]
        listed = [name for name, holds in DIFFERENCES.items() if holds(case)]
        if against and listed:
            found.differences[listed[0]] += 1
        elif against:
            found.faults.append(f"{case}: accepted as {ours.said}, not by {', '.join(against)}")
    elif case.mutation == "none":
        found.faults.append(f"{case}: refused unchanged, {ours.said}")
    elif any(theirs.accepted for theirs in said.values()):
        found.stricter[case.kind, ours.said or ""] += 1


def _agrees(ours: Verdict, theirs: Verdict) -> bool:
    return theirs.accepted and theirs.said in (None, ours.said)
