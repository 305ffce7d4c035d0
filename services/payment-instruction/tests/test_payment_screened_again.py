"""What was screened is screened again: after a release, for each entry of a name, and before anything leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import KeysUnavailable
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission

from .test_payment_screening import LISTED_NAME, a_list, approve, list_it, submit
from .world import (
    APPROVER,
    OPERATOR,
    SECOND_OPERATOR,
    STRANGER,
    TENANT,
    World,
    an_id,
    order,
)


async def release(world: World, name: str) -> None:
    """Has two operators let a payment go on that a list has stopped."""
    releases, proposals = world.application.screening.releases, world.application.proposals
    proposal = await releases.propose(TENANT, [an_id(name)], "somebody else", OPERATOR)
    assert await proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR) == [""]


async def hits_on(world: World, name: str, reference: str) -> None:
    """Waits until an instruction is stopped by an entry."""
    submission, index = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    await world.until(lambda: submission.hits.get(index, ("", b""))[0] == reference)


@pytest.mark.parametrize("is_one_edition", [True, False], ids=["at once", "while it waits"])
async def test_whoever_else_is_listed_stops_what_was_released(world: World, is_one_edition: bool) -> None:
    """A release is of the one entry that was shown: the payment is screened for everybody else before it goes on."""
    named = (("UltmtDbtr", LISTED_NAME), ("UltmtCdtr", "Yuri Listed"))
    await submit(world, order("p", 600_00, creditor=STRANGER, parties=named))
    await world.reaches("p", Status.HELD)
    if not is_one_edition:
        await list_it(world)
        await hits_on(world, "p", "UN/N-0")
    await world.import_list(a_list(LISTED_NAME, "Yuri Listed"))
    await hits_on(world, "p", "UN/N-0")
    submission, _ = world.states.submissions.find(TENANT, an_id("p")) or (None, 0)
    assert submission is not None
    await world.until(lambda: Known(world.states.screening, world.states.findings).covers(submission))
    await release(world, "p")
    await hits_on(world, "p", "UN/N-1")
    await release(world, "p")
    await approve(world, "p")
    await world.reaches("p", Status.SENT)


async def test_a_client_is_found_on_every_entry_of_his_name(world: World) -> None:
    """Two entries of one list bear her name: identity is told of both."""
    await world.import_list(b"name,kind,reference\nAnna Example,person,N-0\nAnna Example,person,N-1\n")
    await world.until(lambda: len(world.blocking.blocked) == 1)
    assert world.blocking.blocked == [(an_id("anna"), ("UN/N-0", "UN/N-1"))]
    before = world.states.screening.digest()
    await world.restart()
    assert world.states.screening.digest() == before


async def test_two_entries_of_one_name_are_released_one_by_one(world: World) -> None:
    """What names a payment's creditor is each entry of that name: two people see them one after the other."""
    await submit(world, order("p", 600_00, creditor=STRANGER, creditor_name=LISTED_NAME))
    await world.reaches("p", Status.HELD)
    rows = "".join(f"{LISTED_NAME},person,N-{number}\n" for number in range(2))
    await world.import_list(f"name,kind,reference\nBad Actor,person,X-1\n{rows}".encode())
    for reference in ("UN/N-0", "UN/N-1"):
        await hits_on(world, "p", reference)
        await release(world, "p")
    await approve(world, "p")
    await world.reaches("p", Status.SENT)


async def test_a_name_that_comes_back_is_looked_up_again(world: World) -> None:
    """Who was registered while a list did not name him is found once it does."""
    names = tuple(f"Person {number}" for number in range(60))
    await world.import_list(a_list(*names, LISTED_NAME))
    clients = world.application.screening.clients
    await clients.step()
    assert (await world.import_list(a_list(*names))).proposal == b""
    await clients.step()
    await world.identity_says("PartyAmended.v1", an_id("anna"), personal={"name": LISTED_NAME})
    await world.indexed()
    await world.import_list(a_list(*names, LISTED_NAME))
    await world.until(lambda: bool(world.blocking.blocked))


async def test_a_list_read_anew_is_other_evidence() -> None:
    """The same file in another form has other marks."""
    one, other = (Screening({"UN": SanctionsList(b"", 0, {}, form=form)}, 0) for form in (1, 2))
    assert one.evidence() != other.evidence()


async def message_waits(world: World, name: str) -> None:
    """Has a message for the bank kept that the bank does not take now."""
    world.rail.is_broken = True
    await submit(world, order(name, creditor=STRANGER))
    submission, _ = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    await world.until(lambda: bool(submission.messages))


async def message_is_written(world: World, name: str) -> None:
    """Has a payment reserved whose message cannot be written now."""
    world.seals.is_away = True
    await submit(world, order(name, creditor=STRANGER))
    await world.reaches(name, Status.RESERVED)


async def custody_is_asked(world: World, name: str) -> None:
    """Has a payment held of which nobody has decided."""
    await submit(world, order(name, 600_00, creditor=STRANGER))
    await world.reaches(name, Status.HELD)


async def goes_on(world: World, name: str) -> None:
    """Takes away what else a payment waited for."""
    await world.between_attempts()
    world.rail.is_broken = world.seals.is_away = False
    if world.status(name) is Status.HELD:
        await world.application.approvals.decide(APPROVER, TENANT, [an_id(name)], Directive.APPROVE, "")


RESERVED = (message_is_written, message_waits)
WAYS = (custody_is_asked, *RESERVED)


@pytest.mark.parametrize("bring", RESERVED, ids=lambda each: each.__name__)
async def test_nothing_leaves_before_it_was_screened_again(
    world: World, monkeypatch: pytest.MonkeyPatch, bring: Callable[[World, str], Any]
) -> None:
    """A list has changed and nobody could look yet: the bank is told nothing."""
    await bring(world, "p")

    async def unavailable(self: ScreeningWork, submission: Submission) -> None:
        raise KeysUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(ScreeningWork, "_again", unavailable)
        await list_it(world)
        await goes_on(world, "p")
        submission, _ = world.states.submissions.find(TENANT, an_id("p")) or (None, 0)
        assert submission is not None
        await world.until(lambda: any(reason == "PAYMENT_STOPPED" for _, reason in submission.waiting))
        assert world.rail.sent == {}
    await world.reaches("p", Status.SENT)


@pytest.mark.parametrize("bring", WAYS, ids=lambda each: each.__name__)
async def test_nothing_leaves_under_lists_that_are_too_old(
    world: World, monkeypatch: pytest.MonkeyPatch, bring: Callable[[World, str], Any]
) -> None:
    """What was screened days ago waits, before custody and before the bank, until the lists are fresh again."""
    await bring(world, "p")
    with monkeypatch.context() as patch:
        patch.setattr(Screening, "is_stale", lambda self, now_ns: True)
        await goes_on(world, "p")
        await world.until(lambda: world.reason("p") == reasons.SCREENING_LIST_STALE)
        assert world.rail.sent == {}
    await world.reaches("p", Status.SENT)


async def test_who_was_cleared_is_found_when_an_entry_comes_back(world: World) -> None:
    """Two people have looked at what a list said then; that it says so again is for two people to look at."""
    names = tuple(f"Person {number}" for number in range(60))
    await world.import_list(a_list(*names, "Anna Example"))
    await world.until(lambda: len(world.blocking.blocked) == 1)
    await world.until(lambda: not world.states.findings.streams())
    await world.identity_says("KycChanged.v1", an_id("anna"), before="BLOCKED", after="REVIEW")
    assert (await world.import_list(a_list(*names))).proposal == b""
    await world.application.screening.clients.step()
    await world.import_list(a_list(*names, "Anna Example"))
    await world.until(lambda: len(world.blocking.blocked) == 2)
    before = world.states.findings.digest()
    await world.restart()
    assert world.states.findings.digest() == before
