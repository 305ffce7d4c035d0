"""What lies in suspense is listed: what is left of each entry, why it came there, and whether people clear it."""

from collections.abc import AsyncIterator

import pytest
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.deposits.application.listing import Listed
from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown
from ringfence_payment_instruction.flows.application.clearing import Named, clearing_id
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .test_payment_flows import _at, suspended
from .test_payment_suspense import came_back, goes
from .world import BANK, OPERATOR, SECOND_OPERATOR, SUSPENSE, TENANT, World, an_id, migrate


@pytest.fixture
async def holding(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application with a suspense account, and a list in force."""
    world = World(filled_database("payment-instruction", migrate))
    world.custody.balances[SUSPENSE] = 0
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


async def listed(world: World, size: int = 100, tenant: bytes = TENANT) -> list[Listed]:
    """Reads all pages of a size."""
    found, after = list[Listed](), b""
    while True:
        page, after = await world.application.deposits.api.listing.page(tenant, after, size)
        assert len(page) <= size
        found += page
        if not after:
            return found


async def decided(world: World, named: Named, directive: Directive, until: Status, attempt: int = 0) -> None:
    """Has the second operator decide about what clears an entry."""
    identifier = clearing_id(TENANT, named.entry, attempt)
    await world.until(lambda: _at(world, identifier) is Status.HELD)
    await world.application.approvals.decide(SECOND_OPERATOR, TENANT, [identifier], directive, "no")
    await world.until(lambda: _at(world, identifier) is until)


async def test_what_lies_in_suspense_is_listed(holding: World) -> None:
    """Each once, on pages of any size, with its amount, currency, reason and when it came; of this platform alone."""
    assert await listed(holding) == []
    plain, back = await suspended(holding, "R1"), await came_back(holding, "R2")
    found = {each.entry.id: each.entry for each in await listed(holding)}
    assert found.keys() == {plain.entry, back.entry}
    for size in (1, 2):
        assert [each.entry for each in await listed(holding, size)] == [found[each] for each in sorted(found)]
    of_nobody, of_boris = found[plain.entry], found[back.entry]
    assert (of_nobody.reference, of_nobody.ledger, of_nobody.reason) == ("R1", 978, "CREDITOR_UNKNOWN")
    assert (of_boris.amount_minor, of_boris.reason) == (30_00, reasons.ACCOUNT_CLOSED)
    assert 0 < of_nobody.suspended_ns <= of_boris.suspended_ns
    await holding.restart()
    assert {each.entry.id: each.entry for each in await listed(holding)} == found
    assert await listed(holding, tenant=an_id("another platform")) == []


async def test_what_is_being_cleared_says_so_and_what_was_cleared_is_gone(holding: World) -> None:
    """An order that came to nothing is none: the next one stands in its place."""
    named, other = await suspended(holding, "R1"), await suspended(holding, "R2")
    assert (await holding.application.deposits.api.listing.one(TENANT, named.entry)).clearing is None
    await holding.application.flows.clearing.give_back(OPERATOR, named, BANK)
    identifier = clearing_id(TENANT, named.entry, 0)
    await holding.until(lambda: _at(holding, identifier) is Status.HELD)
    shown = {each.entry.id: each.clearing for each in await listed(holding)}
    assert shown[other.entry] is None
    view = shown[named.entry]
    assert view is not None
    assert (view.instruction_id, view.status) == (identifier, Status.HELD)
    await decided(holding, named, Directive.REJECT, Status.REJECTED)
    assert all(each.clearing is None for each in await listed(holding))
    await goes(holding, named, back=False, attempt=1)
    await holding.until(lambda: _at(holding, clearing_id(TENANT, named.entry, 1)) is Status.SETTLED)
    assert [each.entry.id for each in await listed(holding)] == [other.entry]
    await holding.restart()
    assert [each.entry.id for each in await listed(holding)] == [other.entry]
    settled = (await holding.application.deposits.api.listing.one(TENANT, named.entry)).clearing
    assert settled is not None
    assert settled.status == Status.SETTLED


async def test_who_asks_for_what_never_lay_there_is_told(holding: World) -> None:
    """An entry of another platform is none."""
    named = await suspended(holding, "R1")
    listing = holding.application.deposits.api.listing
    for tenant, entry in ((TENANT, an_id("nothing")), (an_id("another platform"), named.entry)):
        with pytest.raises(SuspendedEntryUnknown):
            await listing.one(tenant, entry)
