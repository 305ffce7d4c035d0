"""The first cases of `make mutations`, against what the Go team's packages and pymerkle said of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from .mutations import cases as judges
from .mutations import from_service, judging
from .mutations.cases import KINDS, Case, Verdict, judged
from .mutations.judging import DIFFERENCES, Oracle, tally
from .mutations.making import case
from .mutations.pieces import flipped
from .mutations.recorded import digest, first_cases, recorded

SOME = 110


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """The cases that the oracles were asked about."""
    return first_cases()


@pytest.fixture(scope="module")
def oracles() -> dict[str, Oracle]:
    """The oracles, as they spoke then."""
    return recorded()[1]


def test_recorded_verdicts_are_on_these_cases(cases: list[Case]) -> None:
    """The cases made today are, byte for byte, those that were judged; else `make mutations RECORD=1` has to run."""
    assert digest(cases) == recorded()[0]


def test_a_key_is_changed_again_when_it_is_none_any_more() -> None:
    """By the change before it has the length of base64, and is no base64: a case is made of it all the same."""
    assert case(188_673).kind == "policy"


def test_nothing_is_accepted_that_others_refuse(cases: list[Case], oracles: dict[str, Oracle]) -> None:
    """No changed evidence is accepted that Go, pymerkle or a second encoder refuses, and none crashes the verifier."""
    assert tally(cases, oracles).faults == []


def test_cases_reach_what_they_are_made_for(cases: list[Case], oracles: dict[str, Oracle]) -> None:
    """Of every kind some unchanged evidence is accepted, some changed still, most refused; each difference occurs."""
    found = tally(cases, oracles)
    for kind in KINDS:
        unchanged = found.cases[kind, "none"]
        changed = sum(count for (each, _), count in found.cases.items() if each == kind) - unchanged
        accepted = sum(count for (each, _), count in found.accepted.items() if each == kind) - unchanged
        assert unchanged
        assert 0 < accepted < changed / 2
    assert set(found.differences) == set(DIFFERENCES)


def test_an_acceptance_that_an_oracle_refuses_is_a_fault() -> None:
    """Each accepted case is named where an oracle refuses it, or accepts it as something else."""
    some = [case(number) for number in range(SOME)]
    accepted = sum(tally(some, {}).accepted.values())

    def other(said: Sequence[Case]) -> list[Verdict | None]:
        return [Verdict(True, "another text") for _ in said]

    assert tally(some, {}).faults == []
    for oracle in (lambda said: [Verdict(False)] * len(said), other):
        found = tally(some, {"oracle": oracle})
        assert len(found.faults) + found.differences.total() == accepted > 0


def test_a_crash_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence that ends the verifier by any other error than its own is named."""

    def crash(given: dict[str, Any]) -> str:
        raise RecursionError

    some = [case(number) for number in range(SOME)]
    monkeypatch.setitem(judges._JUDGES, "receipt", crash)
    faults = tally(some, {}).faults
    assert len(faults) == sum(each.kind == "receipt" for each in some) > 0
    assert all("RecursionError" in each for each in faults)


def test_a_second_encoding_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaf that is read although its fact is written otherwise is named."""
    leaves = [each for number in range(SOME) if (each := case(number)).kind == "leaf"]
    accepted = sum(tally(leaves, {}).accepted.values())
    monkeypatch.setattr(judging, "rewritten", lambda fact: b"another")
    assert len(tally(leaves, {}).faults) == accepted > 0


def test_what_a_running_service_gave_is_accepted_as_go_accepted_it() -> None:
    """A checkpoint, receipts, tiles and a proof of consistency, as recorded; with a flipped bit none of them is."""
    chance = Random("ringfence/from a service")
    kinds = set()
    for each, said in from_service.recorded():
        kinds.add(each.kind)
        assert judged(each) == Verdict(True, said)
        name = {"tile": "root", "key": "key"}.get(each.kind, "note" if "note" in each.given else "root")
        given = {**each.given, name: flipped(chance, each.given[name])}
        assert not judged(Case(each.number, each.kind, "flipped", given)).accepted
    assert kinds == {"checkpoint", "key", "receipt", "inclusion", "tile", "consistency"}
