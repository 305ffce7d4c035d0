"""Ids are made up anew in every run: among equals what counts is what was told, and in which order."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_payment_instruction.statements.domain.movements import Held, Movement, Sum
from ringfence_payment_instruction.statements.domain.told import Told

from .bank import Bank, Books, File, Habits
from .test_movement_worlds import HABITS

Names = Mapping[bytes, bytes]


def _renamed(file: File, run: str) -> File:
    """Returns a file as another run has it: other ids of tellings, and so of movements, and of clients."""
    telling = file.telling
    entries = tuple(replace(each, parts=_parts(each, lambda key: _other(key, run))) for each in telling.entries)
    return replace(file, telling=replace(telling, id=_other(telling.id, run), entries=entries))


def _other(key: bytes, run: str) -> bytes:
    return key if key == ZERO_ID else external_id("test", key, run)


def _parts(told: Told, name: Any) -> tuple[Any, ...]:
    return tuple(replace(part, client=name(part.client)) for part in told.parts)


def _names(files: Iterable[File], run: str) -> Names:
    """Returns the ids of a run with those that the files have."""
    found = {ZERO_ID: ZERO_ID}
    for file in files:
        told, other = file.telling, _renamed(file, run).telling
        found[other.id] = told.id
        pairs = dict(zip(other.entry_ids, told.entry_ids, strict=True))
        sums = {external_id("bank-sum", key, ""): external_id("bank-sum", name, "") for key, name in pairs.items()}
        clients = {_other(part.client, run): part.client for each in told.entries for part in each.parts}
        found |= pairs | sums | clients
    return found


def _content(books: Books, names: Names) -> object:
    """Returns what is known, under the names that the files have."""

    def told(each: Told) -> Told:
        return replace(each, parts=_parts(each, lambda key: names[key]))

    def named(keys: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(names[key] for key in keys)

    def movement(each: Movement) -> Movement:
        return replace(each, told=told(each.told), tellings=named(each.tellings), doubters=named(each.doubters))

    def held(each: Held) -> Held:
        return replace(each, told=told(each.told), telling=names[each.telling])

    def total(each: Sum) -> Sum:
        return replace(each, told=told(each.told), members=tuple(names[key] for key in each.members))

    known = books.known
    return (
        {names[key]: movement(each) for key, each in known.known.items()},
        {names[key]: held(each) for key, each in known.held.items()},
        {names[key]: total(each) for key, each in known.sums.items()},
        {names[key]: amount for key, amount in books.credited().items()},
    )


@settings(max_examples=300)
@given(HABITS, st.integers(0, 2**32))
def test_other_ids_decide_nothing(habits: Habits, seed: int) -> None:
    """The same files under other ids come to the same movements, doubts and credits, after each of them."""
    files = Bank(random.Random(seed), habits).files()
    runs = ["one", "two"]
    worlds = [(Books(), _names(files, run), run) for run in runs]
    for file in files:
        for books, _, run in worlds:
            books.take(_renamed(file, run))
        first, second = (_content(books, names) for books, names, _ in worlds)
        assert first == second
