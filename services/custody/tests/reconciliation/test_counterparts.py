"""What a break's line may be on the other side, of however many that are like it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from ringfence_custody.reconciliation.domain import counterparts
from ringfence_custody.reconciliation.domain.breaks import Break, Kind, Side
from ringfence_custody.reconciliation.domain.counterparts import MOST_CANDIDATES, Likeness, candidates
from ringfence_custody.reconciliation.domain.lines import LINE, Records, id_of
from ringfence_custody.reconciliation.domain.mirror import Mirror
from ringfence_kernel.writing.journal import Journal

ALIKE = 2_000


def found_on(side: Side, line: Records) -> Break:
    """Returns a break of a line."""
    return Break(bytes(16), bytes(16), bytes(16), side, id_of(line["id"]), Kind.UNIDENTIFIED, 1, 5, True, 0, 0, 0)


def many(chance: random.Random) -> Records:
    """Returns lines of few amounts, days, references and keys, some of which are not open."""
    rows = np.zeros(ALIKE, LINE)
    rows["id"] = np.array([[chance.randrange(4), number] for number in chance.sample(range(1, 2 * ALIKE), ALIKE)])
    for column, values in (("reference", 40), ("key", 40)):
        rows[column][:, 1] = [chance.randrange(values) for _ in range(ALIKE)]
    rows["amount_minor"] = [chance.choice((5, 6)) for _ in range(ALIKE)]
    rows["day"] = [chance.randrange(6) for _ in range(ALIKE)]
    rows["open"] = [chance.random() < 0.9 for _ in range(ALIKE)]
    return rows


@pytest.mark.parametrize("side", [Side.BANK, Side.BOOKS])
@pytest.mark.parametrize("days", [1, 6])
def test_the_nearest_of_many_are_found_and_no_more_are_sorted(
    side: Side, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if all were sorted by likeness, distance and coming; but that would keep every decision waiting."""
    chance, mirror = random.Random(days), Mirror(bytes(16), bytes(16), 1)
    one, others = np.zeros(1, LINE), many(chance)
    one["id"], one["amount_minor"], one["day"], one["open"] = [[9, 9]], 5, 3, 1
    one["reference"], one["key"] = [[0, 7]], [[0, 7]]
    others["day"] %= days
    mine, theirs = (mirror.bank, mirror.books) if side is Side.BANK else (mirror.books, mirror.bank)
    mine.add(one, Journal())
    theirs.add(others, Journal())
    argsort, sorted_rows = np.argsort, list[int]()

    def counted(keys: Records, **more: Any) -> Records:
        sorted_rows.append(len(keys))
        order: Records = argsort(keys, **more)
        return order

    monkeypatch.setattr(counterparts, "BLOCK_ROWS", 300)
    theirs.find(one["id"])  # which sorts the index, once
    monkeypatch.setattr(np, "argsort", counted)
    found = [(id_of(each.line["id"]), each.likeness) for each in candidates(mirror, found_on(side, one[0]))]
    monkeypatch.undo()
    assert max(sorted_rows) == MOST_CANDIDATES

    def rank(row: Records) -> tuple[list[bool], int]:
        likeness = liked(row)
        return [each not in likeness for each in Likeness], abs(int(row["day"]) - 3)

    def liked(row: Records) -> tuple[Likeness, ...]:
        holds = {
            Likeness.KEY: row["key"].tolist() == [0, 7],
            Likeness.REFERENCE: row["reference"].tolist() == [0, 7],
            Likeness.AMOUNT: row["amount_minor"] == 5,
        }
        return tuple([each for each in Likeness if holds[each]])

    expected = sorted((row for row in others if row["open"] and liked(row)), key=rank)
    assert found == [(id_of(row["id"]), liked(row)) for row in expected[:MOST_CANDIDATES]]
