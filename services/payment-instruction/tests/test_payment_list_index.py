"""What a list is searched by is made while it is read: its event is taken in while others wait."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_payment_instruction.screening.application.clients import ListedMarks
from ringfence_payment_instruction.screening.application.marking import listed_marks, new_marks
from ringfence_payment_instruction.screening.domain import editions, lists, state
from ringfence_payment_instruction.screening.domain.clients import Listed
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, ListedName, NameQuality

from .test_payment_lists import edition, hit
from .world import World


async def test_a_list_is_gone_through_where_nobody_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made of it while it was read is what its event makes; nothing of that is held beyond the import."""

    index_of, beside_others = lists.index_of, list[lists.Rows]()

    def noted(rows: lists.Rows) -> lists.Index:
        beside_others.append(rows)
        return index_of(rows)

    with monkeypatch.context() as patched:
        patched.setattr(lists, "index_of", noted)
        await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
        await world.import_list(edition(*range(10)))
    assert beside_others == []
    assert hit(world, "bad actor") == "UN/X-1"
    kept, waiting = world.states.screening.lists["UN"], world.states.screening.waiting["UN"]
    await world.restart()
    assert (world.states.screening.lists["UN"], world.states.screening.waiting["UN"]) == (kept, waiting)


async def test_a_list_is_packed_where_nobody_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digest and snapshot of an edition rest on what was packed while it was read, and are those of its event."""

    def none_beside_others(known: object) -> lists.Packed:
        raise AssertionError("packed on the event loop")

    with monkeypatch.context() as patched:
        patched.setattr(state, "packed", none_beside_others)
        await world.import_list(edition(*range(100)) + b"Bad Actor,person,X-1\n")
        await world.import_list(edition(*range(10)))
        digest, saved = world.states.screening.digest(), world.states.screening.save()
    await world.restart()
    assert (world.states.screening.digest(), world.states.screening.save()) == (digest, saved)


async def test_marks_are_made_of_the_list_that_is_new(world: World) -> None:
    """Another list, or edition, has its marks made, and its alone are looked up; all are found as if made at once."""

    async def directly(function: Any, *arguments: Any) -> Any:
        return function(*arguments)

    screening = world.application.screening
    listed = ListedMarks(screening.lists, screening.clients.identity, directly)
    seen, before = Listed(), list[object]()
    for name, content in (("UN", edition(*range(9))), ("EU", edition(*range(12))), ("UN", edition(*range(20)))):
        await world.import_list(content, name=name)
        current = screening.lists.current()
        is_new = [all(known.references is not old for old in before) for _, known in current.editions()]
        now = await listed.of(current)
        parts = [listed_marks(await listed.key(), *each) for each in current.editions()]
        assert list(now.parts) == parts
        assert new_marks(now, seen) == new_marks(Listed(tuple(parts)), seen) != set()
        assert [all(part is not old for old in seen.parts) for part in now.parts] == is_new
        seen, before = now, [known.references for _, known in current.editions()]


def test_what_an_edition_changes_is_compared_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries in force are gathered once, not for each entry that is compared with them."""
    entries = [Entry(f"N-{n}", EntryKind.PERSON, (ListedName(f"Nobody {n}", NameQuality.PRIMARY),)) for n in range(3)]
    known = lists.SanctionsList(b"", 0, *lists.index_of(editions.columns_of(entries)))
    gathered, every = list[lists.SanctionsList](), lists.SanctionsList.entry_references

    def noted(known: lists.SanctionsList) -> frozenset[str]:
        gathered.append(known)
        return every.__get__(known)  # type: ignore[no-any-return]

    monkeypatch.setattr(lists.SanctionsList, "entry_references", property(noted))
    assert editions.difference(known, entries).changes == ()
    assert len(gathered) == 1
