"""What becomes of proposals, and of tokens, when identity says something of a principal."""

from __future__ import annotations

import pytest
from ringfence_kernel.access.refusals import TokenEnded
from ringfence_kernel.proposals.application import Said
from ringfence_kernel.proposals.domain.events import ProposerResumed, ProposerStopped
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.writer import Unit

from .test_proposals import XENIA, YANN, ZOE, Act, act

__all__ = ["act"]


async def test_who_was_stopped_for_a_while_has_proposed_nothing(act: Act) -> None:
    """A stop voids what waits at once, also where it is over before anybody looks; a repeated one leaves no trace."""
    proposal, other = await act.propose(), await act.propose(ZOE, payload=b"blue")

    def stop_and_resume(unit: Unit) -> None:
        for said in (Said.SUSPENDED, Said.SUSPENDED, Said.ACTIVATED, Said.ACTIVATED):
            act.proposals.hear(unit, said, Ending(XENIA.subject, 7, 1))

    await act.writer.commit(stop_and_resume)
    assert await act.decide(proposal, YANN) == "PROPOSAL_VOID"
    assert await act.decide(other, XENIA) == ""
    assert [len(act.events(kind)) for kind in (ProposerStopped, ProposerResumed)] == [1, 1]


async def test_who_has_a_certificate_pinned_has_proposed_nothing(act: Act) -> None:
    """It may have been whoever held the other one; its tokens from before have ended, and it goes on with new ones."""
    proposal, other = await act.propose(), await act.propose(ZOE, payload=b"blue")
    ending = Ending(XENIA.subject, 7, 1)
    await act.writer.commit(lambda unit: act.proposals.hear(unit, Said.PINNED, ending))
    assert await act.decide(proposal, YANN) == "PROPOSAL_VOID"
    assert [act.state.endings.are_after(each, XENIA.subject, None) for each in (6, 7)] == [True, False]
    assert await act.decide(other, XENIA) == ""


async def test_a_pin_lifts_no_suspension(act: Act) -> None:
    """A suspended principal with a new certificate still waits for two people to lift it."""
    for number, said in enumerate((Said.SUSPENDED, Said.PINNED), start=1):
        ending = Ending(XENIA.subject, number, number)
        await act.writer.commit(lambda unit, said=said, ending=ending: act.proposals.hear(unit, said, ending))
    assert XENIA.subject in act.state.stopped
    assert act.state.endings.position_of(XENIA.subject) == 2


async def test_a_token_that_ends_meanwhile_decides_nothing(act: Act) -> None:
    """Somebody who was let in just before is looked at again in the commit."""
    proposal = await act.propose()
    act.proposals.has_ended = lambda caller: caller is YANN
    with pytest.raises(TokenEnded):
        await act.decide(proposal, YANN)
    with pytest.raises(TokenEnded):
        await act.propose(YANN)
    assert await act.decide(proposal, ZOE) == ""
