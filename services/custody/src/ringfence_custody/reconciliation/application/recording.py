"""How matches become events: in portions, and only those whose lines are still what they were when they were found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.writing.writer import Unit

from ringfence_custody.reconciliation.application.noting import lines_stream
from ringfence_custody.reconciliation.application.steps import step
from ringfence_custody.reconciliation.domain.booked import BOOKED
from ringfence_custody.reconciliation.domain.breaks import Side, Status, break_id
from ringfence_custody.reconciliation.domain.events import LinesMatched
from ringfence_custody.reconciliation.domain.lines import Lines, Records, Words, id_bytes, mixed, words_of
from ringfence_custody.reconciliation.domain.matching import TOLD, Found, Task
from ringfence_custody.reconciliation.domain.mirror import Mirror
from ringfence_custody.reconciliation.domain.rules import RULES, Stage
from ringfence_custody.reconciliation.domain.state import State

PAIRS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of movement and transfer by id; those of one match stand together and share a group."""

    movements: Words
    transfers: Words
    groups: NDArray[np.int64]
    stages: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.groups)

    def only(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Returns some of them."""
        return Pairs(self.movements[chosen], self.transfers[chosen], self.groups[chosen], self.stages[chosen])


def portions(task: Task, found: Found) -> Iterator[Pairs]:
    """Yields what was found, some ten thousand pairs at a time; no match is cut."""
    if not found.groups:
        return
    groups = np.concatenate(found.groups)
    order = np.argsort(groups, kind="stable")
    stages = np.concatenate([np.full(count, stage, np.uint8) for stage, count in found.stages])[order]
    bank, books = np.concatenate(found.bank)[order], np.concatenate(found.books)[order]
    groups = groups[order]
    start = 0
    while start < len(groups):
        end = start + PAIRS_AT_ONCE
        end = len(groups) if end >= len(groups) else int(np.searchsorted(groups, groups[end - 1], "right"))
        part = slice(start, end)
        yield Pairs(task.bank.ids[bank[part]], task.books.ids[books[part]], groups[part], stages[part])
        start = end


def record_matches(unit: Unit, state: State, mirror: Mirror, pairs: Pairs, actor: bytes = ZERO_ID) -> int:
    """Records those matches that still hold, and what they settle; returns how many pairs."""
    (bank, left), (books, right) = _lines(mirror.bank, pairs.movements), _lines(mirror.books, pairs.transfers)
    holds = left & right
    holds[holds] = _agrees(mirror, pairs.only(holds), bank[holds], books[holds])
    holds &= ~np.isin(pairs.groups, pairs.groups[~holds])
    holds &= ~np.isin(pairs.groups, _unequal(pairs.groups, bank, books))
    kept = pairs.only(holds)
    if len(kept):
        record_pairs(unit, state, mirror, kept, bank[holds], books[holds], actor)
    return len(kept)


def record_pairs(
    unit: Unit, state: State, mirror: Mirror, pairs: Pairs, bank: Records, books: Records, actor: bytes
) -> bytes:
    """Records pairs whose lines are given; returns the id of the first match."""
    stream = lines_stream(mirror.book, mirror.id)
    prefix = external_id("match", stream, str(state.changed_position))[:8]
    numbers = np.unique(pairs.groups, return_inverse=True)[1].astype(">u8")
    matches = [prefix + numbers[row : row + 1].tobytes() for row in range(len(pairs))]
    rules = [RULES[Stage(int(each))] for each in pairs.stages]
    unit.record(
        stream,
        LinesMatched(
            mirror.book,
            mirror.id,
            b"".join(matches),
            id_bytes(pairs.movements),
            id_bytes(pairs.transfers),
            pairs.stages.tobytes(),
            np.array([each.version for each in rules], ">u4").tobytes(),
            bytes(each.confidence for each in rules),
            bank.tobytes(),
            books.tobytes(),
            actor,
        ),
    )
    _settle(unit, state, mirror, pairs, matches)
    return matches[0]


def _lines(lines: Lines, wanted: Words) -> tuple[Records, NDArray[np.bool_]]:
    """Returns the lines of ids, and which are open; the id of zeros stands for no line, of no amount."""
    (found, is_open), nothing = lines.look_up(wanted), ~wanted.any(axis=1)
    found["state"][nothing] = BOOKED
    return found, is_open | nothing


def _settle(unit: Unit, state: State, mirror: Mirror, pairs: Pairs, matches: list[bytes]) -> None:
    """Ends the breaks of lines that are matched."""
    waiting = {each.id for each in state.breaks.values() if each.mirror == mirror.id and each.is_open}
    if not waiting:
        return
    for side, ids in ((Side.BANK, pairs.movements), (Side.BOOKS, pairs.transfers)):
        for row in range(len(pairs)):
            identifier = break_id(mirror.book, mirror.id, side, id_bytes(ids[row : row + 1]))
            if identifier in waiting:
                waiting.discard(identifier)
                found = state.breaks[identifier]
                after = Status.MATCHED if found.status is Status.WAITING else Status.RESOLVED
                step(unit, found, after, reference=matches[row])


def _agrees(mirror: Mirror, pairs: Pairs, bank: Records, books: Records) -> NDArray[np.bool_]:
    """Tells of each pair whether its lines still have in common, whole, what its stage found."""
    stages = pairs.stages
    same_key = (bank["key"] == books["key"]).all(axis=1)
    for row in np.flatnonzero(~same_key & (stages == Stage.KEY)) if mirror.more_keys else ():
        keys = mirror.more_keys.get(id_bytes(pairs.movements[row : row + 1]), ())
        same_key[row] = id_bytes(books["key"][row : row + 1]) in keys
    same_reference = (bank["reference"] == books["reference"]).all(axis=1)
    for row in np.flatnonzero(~same_reference & (stages == Stage.REFERENCES)) if mirror.parts else ():
        parts = mirror.parts.get(id_bytes(pairs.movements[row : row + 1]), ())
        same_reference[row] = (int(books["amount_minor"][row]), id_bytes(books["reference"][row : row + 1])) in parts
    by_reference = (stages == Stage.REFERENCE_AND_AMOUNT) | (stages == Stage.REFERENCES)
    fits = (same_key | (stages != Stage.KEY)) & (same_reference | ~by_reference)
    fits &= bank["state"] != TOLD
    found: NDArray[np.bool_] = fits & ((bank["day"] == books["day"]) | (stages != Stage.AMOUNT_AND_DAY))
    return found


def _unequal(groups: NDArray[np.int64], bank: Records, books: Records) -> list[int]:
    """Returns the groups whose two sides do not have the same sum; each line counts once."""
    numbers, at = np.unique(groups, return_inverse=True)
    counts = np.bincount(at)
    single = counts[at] == 1
    found: list[int] = groups[single & (bank["amount_minor"] != books["amount_minor"])].tolist()
    for number in numbers[counts > 1].tolist():
        rows = np.flatnonzero(groups == number)
        sums = []
        for side in (bank[rows], books[rows]):
            amounts = dict(zip(mixed(side["id"]).tolist(), side["amount_minor"].tolist(), strict=True))
            sums.append(sum(amounts.values()))
        if sums[0] != sums[1]:
            found.append(number)
    return found


def pairs_of(chosen: list[tuple[bytes, bytes]], stage: Stage) -> Pairs:
    """Returns pairs of ids as one match."""
    movements, transfers = zip(*chosen, strict=True)
    count = len(chosen)
    return Pairs(words_of(movements), words_of(transfers), np.zeros(count, np.int64), np.full(count, stage, np.uint8))
