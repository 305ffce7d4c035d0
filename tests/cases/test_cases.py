"""Mended cases stay right; and `make cases` says so of the others, and of itself."""

from __future__ import annotations

import pytest
from ringfence_local_stack.scenario import Scenario, StillWaiting

from .collection import CASES
from .registry import Case, Finding, Outcome, Verdict

MENDED = [each for each in CASES.values() if not each.waits_for]


@pytest.mark.parametrize("case", MENDED, ids=lambda case: case.name)
def test_mended_case_stays_right(case_stack: Scenario, case: Case) -> None:
    """What was mended gives the right value."""
    assert case.try_on(case_stack) == Outcome(Verdict.RIGHT)


def right(scenario: Scenario, need: Finding) -> None:
    """Sees what it should."""
    need(True, "never said")


def wrong(scenario: Scenario, need: Finding) -> None:
    """Sees two things that it should not, and fails on the way."""
    need(False, "600 are in the book")
    need(0, "nobody is told")
    raise OSError("what comes after does not matter")


def late(scenario: Scenario, need: Finding) -> None:
    """Waits in vain, which is an answer of the product."""
    raise StillWaiting("the payment is SENT after 3 s, not FAILED")


def broken(scenario: Scenario, need: Finding) -> None:
    """Does not come to the question."""
    raise OSError("no stack")


SEEN = {
    right: Outcome(Verdict.RIGHT),
    wrong: Outcome(Verdict.WRONG, "600 are in the book; nobody is told"),
    late: Outcome(Verdict.WRONG, "the payment is SENT after 3 s, not FAILED"),
    broken: Outcome(Verdict.BROKEN, "OSError: no stack"),
}


@pytest.mark.parametrize("play", SEEN, ids=lambda play: play.__name__)
def test_verdict_says_what_was_seen(play: object) -> None:
    """Right, wrong with everything that was seen, or broken where the product was not asked."""
    assert Case(play, "").try_on(None) == SEEN[play]  # type: ignore[index, arg-type]


@pytest.mark.parametrize(
    ("play", "waits_for", "complaint"),
    [
        (right, "", ""),
        (wrong, "the bank's side", ""),
        (right, "the bank's side", "right is right now"),
        (wrong, "", "wrong is marked as mended, and is wrong: 600"),
        (broken, "", "broken could not be tried"),
        (broken, "the bank's side", "broken could not be tried"),
    ],
)
def test_mark_that_does_not_fit_is_named(play: object, waits_for: str, complaint: str) -> None:
    """A case that fails without waiting, or waits without failing, is an error that names it; what fits is none."""
    marked = Case(play, waits_for)  # type: ignore[arg-type]
    said = marked.complaint(SEEN[play])  # type: ignore[index]
    assert said.startswith(complaint)
    assert bool(said) == bool(complaint)


def test_every_case_says_what_is_right() -> None:
    """A case has a sentence that states the right value, and waits for nothing or for an issue by its name."""
    assert all((each.play.__doc__ or "").strip().endswith(".") for each in CASES.values())
    assert len(CASES) > 20
