"""How many sanctions lists, names on them and editions there may be."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.values.settings import InvalidSetting
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.screening.application.importing import Imported, ListFiles
from ringfence_payment_instruction.screening.domain.editions import ListBounds
from ringfence_payment_instruction.screening.domain.errors import (
    SanctionsEditionsExceeded,
    SanctionsListDamaged,
    SanctionsListsExceeded,
)

from .test_payment_quotas import settings
from .world import OPERATOR, SECOND_OPERATOR, World, migrate

LETTERS = str.maketrans("0123456789", "abcdefghij")


@pytest.fixture
async def world(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """A world without lists, in which there may be two, of 10 names, and three editions a day by each operator."""
    made = World(filled_database("payment-instruction", migrate))
    made.list_bounds = ListBounds(lists=2, names=10, editions_per_day=3)
    await made.start()
    yield made
    await made.stop()


def files(world: World, name: str, count: int) -> ListFiles:
    """Returns a list of so many persons."""
    rows = (f"{str(number).translate(LETTERS)} Listed,person,N-{number}\n" for number in range(count))
    content = f"name,kind,reference\n{''.join(rows)}".encode()
    return ListFiles(list_name=name, list_format=1, content=content, published_ns=world.clock.now_ns(), parts={})


async def imported(world: World, name: str, count: int, by: Caller = OPERATOR) -> Imported:
    """Imports such a list."""
    return await world.application.screening.importing.import_list(by, files(world, name, count))


async def test_one_list_too_many_is_refused_until_one_is_retired(world: World) -> None:
    """Also where one of those that are there only waits; nothing is done, and what is there may change."""
    await imported(world, "A", 4)
    await imported(world, "B", 1)
    with pytest.raises(SanctionsListsExceeded) as refusal:
        await imported(world, "C", 1)
    assert (refusal.value.code, refusal.value.metadata) == ("RESOURCE_EXHAUSTED", {"lists": "2"})
    assert sorted(world.states.screening.lists) == ["A", "B"]
    retirement = await world.application.screening.acts.propose_retirement(OPERATOR, "B", "out of use")
    assert await world.application.proposals.decide([Decision(retirement, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]
    await imported(world, "C", 1)


async def test_more_names_than_there_is_room_for_are_refused(world: World) -> None:
    """Over all lists, those that wait included; a list may be replaced by a shorter one whatever there is."""
    await imported(world, "A", 6)
    with pytest.raises(SanctionsListsExceeded) as refusal:
        await imported(world, "B", 5)
    assert refusal.value.metadata == {"names": "10"}
    assert (await imported(world, "A", 3)).proposal
    with pytest.raises(SanctionsListsExceeded):
        await imported(world, "B", 2, by=SECOND_OPERATOR)
    await imported(world, "B", 1, by=SECOND_OPERATOR)


async def test_editions_of_one_operator_are_counted(world: World) -> None:
    """What is refused, or known already, counts for none; the other operator goes on."""
    for size in (1, 2, 3):
        await imported(world, "A", size)
        await imported(world, "A", size)
        with pytest.raises(SanctionsListDamaged):
            await world.import_list(b"nothing")
        with pytest.raises(SanctionsListsExceeded):
            await imported(world, "A", 11)
    with pytest.raises(SanctionsEditionsExceeded) as refusal:
        await imported(world, "A", 4)
    assert 0 < refusal.value.retry_after_seconds <= 86_400 / 3
    assert (await imported(world, "A", 3)).unchanged
    await imported(world, "A", 4, by=SECOND_OPERATOR)


@pytest.mark.parametrize("name", ["RINGFENCE_SANCTIONS_LISTS", "RINGFENCE_SANCTIONS_NAMES"])
def test_there_is_always_room_for_one(name: str) -> None:
    """No setting makes screening impossible."""
    with pytest.raises(InvalidSetting):
        settings(**{name: "0"}).list_bounds()
    assert settings(RINGFENCE_OPERATOR_SANCTIONS_EDITIONS_PER_DAY="0").list_bounds() == ListBounds(editions_per_day=0)
