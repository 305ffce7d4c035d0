"""What a list is searched by is made while it is read: its event is taken in while others wait."""

from __future__ import annotations

import pytest
from ringfence_payment_instruction.screening.domain import lists

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
