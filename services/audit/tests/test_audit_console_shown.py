"""What audit's own pages show beside what was recorded: nothing that is newer, and no page waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence_audit.console.adapters.overview import OverviewedFacts
from ringfence_audit.console.application.viewing import LOOKING, Looking, Viewing
from ringfence_audit.log.domain.leaf import encode
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state_leaf import state_leaf
from ringfence_console.ports import View
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc.refusals import DeadlineExceeded

VIEW = View("overview", "", "all")


def stood(size: int) -> Any:
    """Where the log stood with a checkpoint over so many leaves."""
    signed = SimpleNamespace(size=size, root=bytes(32), heads=(), state_leaf=state_leaf(size, {}, 1), note="")
    return SimpleNamespace(size=size, rotations=(), signed_head=lambda: signed)


@pytest.fixture
def looking() -> Iterator[Looking]:
    """Somebody who is shown everything."""
    made = Looking(Caller("spiffe://test/reader", None, b"r" * 16, "thumbprint"), Sight())
    token = LOOKING.set(made)
    yield made
    LOOKING.reset(token)


def test_what_is_signed_while_books_are_computed_is_not_shown(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest facts of the first page are those that were there when its view was recorded."""
    newest = [stood(5)]

    def asking(method: object, request: object, page: str, subject: str, options: str) -> Any:
        """Records the view; the log signs two leaves more while it computes."""
        looking.recorded[page, subject, options] = newest[0]
        newest[0] = stood(7)
        return 5, []

    queries = SimpleNamespace(
        leaves_at=lambda indexes: ((index, encode("custody.transfer.v1", {"time_ns": index})) for index in indexes)
    )
    tables = SimpleNamespace(
        queries=queries,
        texts=SimpleNamespace(of_leaves=lambda leaves: {}),
        viewing=SimpleNamespace(stood=lambda: newest[0]),
        heavily=lambda function, *arguments: function(*arguments),
    )
    monkeypatch.setattr(OverviewedFacts, "_keys", lambda self, stood: [])
    methods: Any = SimpleNamespace(every_book=None)
    facts = OverviewedFacts("log", cast(Any, tables), dict, methods=methods, asking=cast(Any, asking), known=list)
    assert [fact.index for fact in facts.overview(VIEW).latest] == [0, 1, 2, 3, 4]
    assert [fact.index for fact in facts.overview(VIEW).latest] == list(range(7))


async def test_no_page_waits_for_ever() -> None:
    """What takes longer than a page may is given up, and refused by name."""
    given_up: list[UUID] = []

    async def answered() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            given_up.append(UUID(int=1))
            raise

    nothing: Any = None
    viewing = Viewing(asyncio.get_running_loop(), nothing, nothing, 0.01)
    with pytest.raises(DeadlineExceeded):
        await asyncio.to_thread(viewing.wait, answered())
    assert given_up
