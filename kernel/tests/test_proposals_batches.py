"""Batches of proposals: what they cost beside what waits already."""

from __future__ import annotations

from dataclasses import replace

from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.writing.writer import Unit

from .test_proposals import ACT, OTHER, SUBJECT, TENANT, XENIA, YANN, Act, Lit, act

__all__ = ["act"]


async def test_a_batch_of_proposals_looks_once_at_what_waits(act: Act) -> None:
    """What others wait for is not looked at anew for each of many; what changes on the way voids it all the same."""
    for number in range(20):
        await act.propose(YANN, bytes([number]))
    looked: list[bytes] = []
    usual = act.proposals._effects[ACT]

    def counted(proposal: Proposal) -> bytes:
        looked.append(proposal.id)
        return usual.basis(proposal)

    act.proposals._effects[ACT] = replace(usual, basis=counted)

    def decide(unit: Unit) -> int:
        for number in range(20):
            act.proposals.propose(unit, ACT, subject=OTHER, payload=bytes([number]), caller=XENIA, tenant=TENANT)
        looks = len(looked)
        unit.record(SUBJECT, Lit(b"by another way"))
        act.proposals.propose(unit, ACT, subject=OTHER, payload=b"one more", caller=XENIA, tenant=TENANT)
        return looks

    assert await act.writer.commit(decide) <= 20 + 20
    assert {each.subject for each in act.state.waiting.values()} == {OTHER}
