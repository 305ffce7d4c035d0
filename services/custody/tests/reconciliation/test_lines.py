"""Open lines against a plain dict: found, changed, removed and taken back, with gaps closed on the way."""

from __future__ import annotations

import random

import numpy as np
import pytest
from ringfence_custody.reconciliation.domain import lines as lines_module
from ringfence_custody.reconciliation.domain.lines import LINE, Lines, Records, words_of
from ringfence_kernel.writing.journal import Journal


def line(number: int, amount: int) -> Records:
    """Returns a line as an array of one row; ids share their first word by the hundred."""
    row = np.zeros(1, LINE)
    row["id"], row["amount_minor"], row["open"] = words_of([identifier(number)]), amount, 1
    return row


def identifier(number: int) -> bytes:
    """Returns an id."""
    return (number // 100).to_bytes(8, "big") + (number % 100).to_bytes(8, "big")


def content(lines: Lines, numbers: range) -> dict[int, int]:
    """Returns the amounts of those that are found."""
    rows = lines.find(words_of([identifier(number) for number in numbers]))
    found = zip(numbers, rows.tolist(), strict=True)
    return {number: int(lines.rows["amount_minor"][row]) for number, row in found if row >= 0}


@pytest.mark.parametrize("seed", range(10))
def test_lines_are_what_a_dict_would_be(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is added, changed and removed, and however often a group of changes is taken back."""
    monkeypatch.setattr(lines_module, "GAPS", 8)
    chance, journal, numbers = random.Random(seed), Journal(), range(80, 120)
    lines, known = Lines(), dict[int, int]()
    for _ in range(60):
        before, saved = dict(known), lines.digest()
        for _ in range(chance.randrange(20)):
            number, amount = chance.choice(numbers), chance.randrange(1_000)
            rows = lines.find(words_of([identifier(number)]))
            if number not in known:
                lines.add(line(number, amount), journal)
                known[number] = amount
            elif chance.random() < 0.7:
                lines.remove(rows, journal)
                del known[number]
            else:
                lines.change(rows, line(number, amount), journal)
                known[number] = amount
        assert content(lines, numbers) == known
        assert len(lines) == len(known)
        if chance.random() < 0.3:
            journal.rollback()
            known = before
            assert lines.digest() == saved
        else:
            journal.clear()
        assert content(lines, numbers) == known
        assert len(lines) == len(known)
    restored = Lines()
    restored.restore(memoryview(lines.save()))
    assert restored.digest() == lines.digest()
    assert content(restored, numbers) == known
