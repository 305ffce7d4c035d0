"""What a case is: a function that plays, a sentence that says what is right, and the issue that it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ringfence.transport import Patience
from ringfence_local_stack.scenario import Scenario

PATIENCE = Patience(call_seconds=10.0, retry_seconds=10.0)
"""A service that does not answer for so long breaks a case, and does not stop the run."""

CASES: dict[str, Case] = {}
"""All cases by name, in the order in which they are played."""


@dataclass
class Finding:
    """What a case has seen that is not right; called with a condition, it notes the text where that does not hold."""

    wrong: list[str] = field(default_factory=list)

    def __call__(self, condition: object, text: str) -> None:
        """Goes on either way: a case has seen all that it can."""
        if not condition:
            self.wrong.append(text)


Play = Callable[[Scenario, Finding], None]


class Verdict(Enum):
    """How a case ended."""

    RIGHT = "right"
    WRONG = "WRONG"
    BROKEN = "broken"


@dataclass(frozen=True)
class Outcome:
    """How a case ended, and what was seen."""

    verdict: Verdict
    seen: str = ""


@dataclass(frozen=True)
class Case:
    """A case; `waits_for` names the issue that mends it, and is empty once it is mended."""

    play: Play
    waits_for: str

    @property
    def name(self) -> str:
        """The name of its function."""
        return self.play.__name__

    def try_on(self, scenario: Scenario) -> Outcome:
        """Plays it; what is not an answer of the product to the input is no verdict on it."""
        need = Finding()
        try:
            self.play(scenario, need)
        except AssertionError as failed:
            need.wrong.append(str(failed))
        except Exception as error:
            if not need.wrong:
                return Outcome(Verdict.BROKEN, f"{type(error).__name__}: {error}")
        return Outcome(Verdict.WRONG, "; ".join(need.wrong)) if need.wrong else Outcome(Verdict.RIGHT)

    def complaint(self, outcome: Outcome) -> str:
        """What is wrong with the case's mark, empty where it says what was seen."""
        if outcome.verdict is Verdict.BROKEN:
            return f"{self.name} could not be tried: {outcome.seen}"
        if outcome.verdict is Verdict.RIGHT and self.waits_for:
            return f"{self.name} is right now: take its waits_for away, so that `make test` keeps it so"
        if outcome.verdict is Verdict.WRONG and not self.waits_for:
            return f"{self.name} is marked as mended, and is wrong: {outcome.seen}"
        return ""


def case(waits_for: str = "") -> Callable[[Play], Play]:
    """Enters a function among the cases, as mended or with the issue that it waits for."""

    def enter(play: Play) -> Play:
        assert play.__name__ not in CASES
        CASES[play.__name__] = Case(play, waits_for)
        return play

    return enter
