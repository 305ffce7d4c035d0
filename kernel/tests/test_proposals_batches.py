"""Batches of proposals: what they cost beside what waits already."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ringfence_kernel.proposals.domain.events import ProposalVoided, VoidReason
from ringfence_kernel.proposals.domain.proposals import LONGEST_NS
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.writing.writer import Unit

from .test_proposals import ACT, OTHER, SUBJECT, TENANT, XENIA, YANN, ZOE, Act, BulbBroken, Lit, act

__all__ = ["act"]


async def test_a_batch_of_proposals_looks_once_at_what_waits(act: Act) -> None:
    """What others wait for is not looked at anew for each of many; what changes on the way voids it all the same."""
    for number in range(20):
        await act.propose(YANN, bytes([number]))
    looked = _counted(act)

    def decide(unit: Unit) -> int:
        for number in range(20):
            act.proposals.propose(unit, ACT, subject=OTHER, payload=bytes([number]), caller=XENIA, tenant=TENANT)
        looks = len(looked)
        unit.record(SUBJECT, Lit(b"by another way"))
        act.proposals.propose(unit, ACT, subject=OTHER, payload=b"one more", caller=XENIA, tenant=TENANT)
        return looks

    assert await act.writer.commit(decide) <= 20 + 20
    assert {each.subject for each in act.state.waiting.values()} == {OTHER}


async def test_what_waits_is_not_looked_at_again_before_something_can_have_changed(act: Act) -> None:
    """Commands that only propose look once; what is recorded, who may not act any more and a lapse are seen at once."""
    looked = _counted(act)
    for number in range(20):
        await act.propose(YANN, bytes([number]))
    assert len(looked) == 20  # each basis once, when it was proposed
    await act.listed(ZOE)
    assert len(looked) == 20
    await act.light_otherwise()
    assert await act.listed(ZOE) == []
    kept = await act.propose(XENIA)
    await act.propose(YANN)
    act.stopped.add(YANN.subject)
    act.clock.advance(1)
    assert [await act.listed(ZOE) for _ in range(3)] == [[kept]] * 3  # also when nothing was void the last time
    act.clock.advance(LONGEST_NS + 1_000)  # times rise within a group, though the clock stands still
    assert await act.listed(ZOE) == []
    voided = [each.reason for each in act.events(ProposalVoided)]
    assert voided == [VoidReason.CHANGED] * 21 + [VoidReason.LAPSED]


async def test_a_change_in_a_group_between_is_seen(act: Act) -> None:
    """A group that changes the subject, and one more after it that does not, hide nothing from the next look."""
    proposal = await act.propose(YANN)
    await act.light_otherwise()
    await act.writer.commit(lambda unit: unit.record(OTHER, Lit(b"another")))
    await act.propose(XENIA)
    assert proposal not in act.state.waiting


async def test_a_look_that_is_taken_back_is_none(act: Act) -> None:
    """A command that changes the subject, looks, and refuses then leaves everything to be looked at again."""
    proposal = await act.propose(YANN)

    def refused(unit: Unit) -> None:
        unit.record(SUBJECT, Lit(b"by another way"))
        act.proposals.sweep(unit)
        raise BulbBroken

    def changed(unit: Unit) -> bytes:
        unit.record(SUBJECT, Lit(b"by yet another"))
        return act.proposals.propose(unit, ACT, subject=OTHER, payload=b"", caller=XENIA, tenant=TENANT)

    refusal, other = await asyncio.gather(
        act.writer.commit(refused), act.writer.commit(changed), return_exceptions=True
    )
    assert isinstance(refusal, BulbBroken)
    assert set(act.state.waiting) == {other}
    assert [each.proposal for each in act.events(ProposalVoided)] == [proposal]


def _counted(act: Act) -> list[bytes]:
    """Returns whose basis is asked for from now on, in order."""
    looked: list[bytes] = []
    usual = act.proposals._effects[ACT]

    def counted(proposal: Proposal) -> bytes:
        looked.append(proposal.id)
        return usual.basis(proposal)

    act.proposals._effects[ACT] = replace(usual, basis=counted)
    return looked
