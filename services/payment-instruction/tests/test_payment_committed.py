"""What callers are told is what is committed: nothing that may still be taken back."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_payment_instruction.deposits.application import receiving
from ringfence_payment_instruction.deposits.application.receiving import EvidenceCounts
from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile
from ringfence_payment_instruction.reads.application.queries import Change
from ringfence_payment_instruction.settlement.domain.transfers import PlannedTransfer
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .fakes import GatedStore
from .messages import camt_054, entry
from .world import APPROVER, BANK, BANK_FEED, BORIS, PLATFORM, SUSPENSE, TENANT, World, an_id, order

MOMENT = 0.3


def gated(world: World) -> GatedStore:
    """Puts a gate before the commits of a world."""
    store = GatedStore(world.store)
    world.writer.store = store  # type: ignore[assignment]
    return store


async def waiting_change(changes: AsyncIterator[Change]) -> Change:
    """Returns the first change that says what instructions wait for."""
    async for change in changes:
        if change.states and change.states[0].reason:
            return change
    raise AssertionError("the stream never ends by itself")


async def test_a_watcher_is_not_told_what_is_taken_back(world: World) -> None:
    """A withdrawal whose commit is under way, and fails, has not changed what its submission is told to wait for."""
    world.list_maximum_age_ns = 1
    await world.restart()
    await world.submit_batch(PLATFORM, an_id("s"), [order("a"), order("b")])
    await world.until(lambda: world.reason("a") == "SCREENING_LIST_STALE")
    await world.writer.commit(lambda unit: None)
    head = world.writer.head.position
    await world.until(lambda: world.projector.position >= head)
    store = gated(world)
    store.gate.clear()
    withdrawal = asyncio.create_task(
        world.application.approvals.decide(APPROVER, TENANT, [an_id("a")], Directive.CANCEL, "")
    )
    await world.until(lambda: world.status("a") is Status.CANCELLED)
    watching = asyncio.create_task(waiting_change(world.application.reads.watch(TENANT, 0, None)))
    await asyncio.wait({watching}, timeout=MOMENT)
    store.fails = True
    store.gate.set()
    with pytest.raises(StoreUnavailable):
        await withdrawal
    store.fails = False
    change = await asyncio.wait_for(watching, 10)
    assert [view.instruction_id for view in change.states] == [an_id("a"), an_id("b")]


async def test_a_bank_is_not_told_what_is_taken_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Money that its account has refused counts as suspended once that is committed, and not before."""
    monkeypatch.setattr(receiving, "POSTING_SECONDS", MOMENT)
    world.custody.closed.add(an_id("boris account"))
    store, create = gated(world), world.custody.book_evidence
    files: list[EvidenceFile] = []

    async def create_and_hold(tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[str]:
        files.extend(world.states.deposits.evidence.values())
        names = await create(tenant, transfers)
        if transfers[0].credit_account != SUSPENSE:
            store.gate.clear()
        return names

    def refusals() -> list[str]:
        return [file.reasons[0] for file in files[:1]]

    monkeypatch.setattr(world.custody, "book_evidence", create_and_hold)
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    handing_in = asyncio.create_task(world.application.statements.receiving.hand_in(BANK_FEED, content))
    await world.until(lambda: refusals() == [reasons.ACCOUNT_CLOSED])
    await asyncio.wait({handing_in}, timeout=3 * MOMENT)
    world.custody.is_away = store.fails = True
    store.gate.set()
    await world.until(lambda: refusals() == [""])
    store.fails = False
    assert await handing_in == EvidenceCounts(credited=1, suspended=0, duplicates=0, confirmed=0)
