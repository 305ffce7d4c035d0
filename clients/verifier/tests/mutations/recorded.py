"""Verdicts of the oracles on the first cases, as `make mutations RECORD=1` wrote them, for those who have no oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from .cases import Case, Verdict
from .judging import Oracle
from .making import case

FILE = Path(__file__).with_name("verdicts.txt")
CASES = 5_000
_WIDTH = 100
_SIGNS = {None: "?", True: "+", False: "-"}


def record(oracles: Mapping[str, Oracle]) -> None:
    """Asks the oracles about the first cases and writes what they say, beside what the cases are."""
    cases = first_cases()
    lines = [f"cases {digest(cases)}"]
    for name, oracle in oracles.items():
        signs = "".join(_SIGNS[verdict and verdict.accepted] for verdict in oracle(cases))
        lines += [f"{name} {signs[at : at + _WIDTH]}" for at in range(0, len(signs), _WIDTH)]
    FILE.write_text("".join(f"{line}\n" for line in lines))


def recorded() -> tuple[str, dict[str, Oracle]]:
    """Returns the digest of the cases that were judged, and the oracles as they spoke then."""
    (_, digest), *rows = [line.split(" ") for line in FILE.read_text().splitlines()]
    signs: dict[str, str] = {}
    for name, row in rows:
        signs[name] = signs.get(name, "") + row
    return digest, {name: _saying(each) for name, each in signs.items()}


def first_cases() -> list[Case]:
    """The cases with the lowest numbers."""
    return [case(number) for number in range(CASES)]


def digest(cases: Sequence[Case]) -> str:
    """What cases are, in short: where it differs, the recorded verdicts are on others."""
    return sha256("".join(each.as_json() for each in cases).encode()).hexdigest()


def _saying(signs: str) -> Oracle:
    return lambda cases: [None if sign == "?" else Verdict(sign == "+") for sign in signs[: len(cases)]]
