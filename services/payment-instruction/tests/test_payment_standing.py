"""What this service learns of principals and parties from identity's feed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.store import Head, StoredEvent, load_cursor
from ringfence_kernel.store.codec import Envelope
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.standing.adapters.identity_feed import CURSOR, take_over
from ringfence_payment_instruction.standing.domain.events import StandingNoted
from ringfence_payment_instruction.standing.domain.state import STREAM, Standing
from ringfence_payment_instruction.standing.domain.state import State as StandingState
from ringfence_payment_instruction.submissions.domain.submission import stream_of

from .world import APPROVER, OPERATOR, PLATFORM, SECOND_OPERATOR, TENANT, World, an_id

ANNA = an_id("anna")


def published(position: int, topic: str, stream: bytes, **fields: Any) -> StoredEvent:
    """Returns an event as identity's feed brings it."""
    state = msgspec.msgpack.encode(Envelope(1, position, "", msgspec.Raw(msgspec.msgpack.encode(fields))))
    return StoredEvent(position, stream, position, topic, state, bytes([position]) * 32)


def suspended(position: int, principal: bytes = PLATFORM.subject) -> StoredEvent:
    """A principal is stopped."""
    return published(position, "PrincipalSuspended.v1", principal, principal=principal, note="", by=bytes(16))


def activated(position: int, principal: bytes = PLATFORM.subject) -> StoredEvent:
    """A principal may act again."""
    return published(position, "PrincipalActivated.v1", principal, principal=principal, by=bytes(16))


def kyc(position: int, after: str) -> StoredEvent:
    """Anna's KYC goes on."""
    return published(position, "KycChanged.v1", ANNA, tenant=TENANT, party=ANNA, before="CHECKING", after=after)


def erased(position: int) -> StoredEvent:
    """Anna is erased."""
    return published(position, "PartyErased.v1", ANNA, tenant=TENANT, party=ANNA, by=bytes(16))


def page(*events: StoredEvent) -> FeedPage:
    """Returns a page of these events."""
    return FeedPage("identity", list(events), Head(1, events[-1].position, events[-1].hash))


def standings(world: World) -> dict[bytes, Standing]:
    """Returns everybody who does not stand well."""
    return world.states.standing.standings


async def test_standings_follow_identity(world: World) -> None:
    """The last decision counts, states on the way to one change nothing, and who is erased stays so."""
    take = take_over(world.application.standing.noting)
    await take(page(suspended(1), suspended(2, APPROVER.subject), kyc(3, "BLOCKED")))
    others = {APPROVER.subject: Standing.SUSPENDED, ANNA: Standing.BLOCKED}
    assert standings(world) == {TENANT: Standing.SUSPENDED, **others}
    await take(page(activated(4), kyc(5, "REVIEW"), published(6, "KeyRotated.v1", TENANT, principal=TENANT)))
    assert standings(world) == others
    for position, after, standing in ((7, "VERIFIED", None), (8, "EXPIRED", Standing.LAPSED)):
        await take(page(kyc(position, after)))
        assert standings(world).get(ANNA) is standing
    await take(page(erased(9), kyc(10, "VERIFIED")))
    assert standings(world)[ANNA] is Standing.ERASED


async def test_a_page_and_its_cursor_are_taken_in_together_and_once(world: World) -> None:
    """A process that was deposed cannot set the cursor back, nor apply old facts over newer ones."""
    take = take_over(world.application.standing.noting)
    first, second = page(suspended(1)), page(activated(2))
    for each in (first, first, second):
        await take(each)
    assert load_cursor(world.store, CURSOR) == second.cursor
    with pytest.raises(StoreUnavailable):
        await take(first)
    assert not standings(world)
    assert world.topics().count("StandingNoted.v1") == 2


@pytest.mark.parametrize("unknown", ["topic", "state"])
async def test_what_is_not_described_halts(world: World, unknown: str) -> None:
    """The facts before it are taken in, and the cursor stays before it: a suspension could be behind either."""
    strange = replace(kyc(2, "VERIFIED"), topic="Unheard.v1") if unknown == "topic" else kyc(2, "ENCHANTED")
    with pytest.raises(EventUnknown, match=r"Unheard|ENCHANTED"):
        await take_over(world.application.standing.noting)(page(suspended(1), strange, activated(3)))
    assert load_cursor(world.store, CURSOR).position == 1
    assert standings(world) == {TENANT: Standing.SUSPENDED}


def noted(state: StandingState, day: int, subject: bytes, standing: Standing) -> Journal:
    """Applies what was noted on a day; returns the journal that takes it back."""
    journal = Journal()
    state.apply(Recorded(day, STREAM, day, StandingNoted(subject, TENANT, standing), day * DAY_NS, ""), journal)
    return journal


def test_the_erased_leave_memory_when_nothing_older_may_go_on() -> None:
    """62 days after: twice as long as what was received before is authorised; whoever is stopped otherwise stays."""
    state = StandingState()
    noted(state, 1, ANNA, Standing.ERASED)
    noted(state, 1, APPROVER.subject, Standing.SUSPENDED)
    noted(state, 2, an_id("boris"), Standing.ERASED)
    noted(state, 63, an_id("other"), Standing.BLOCKED)
    assert state.of(ANNA) is Standing.ERASED
    noted(state, 64, an_id("more"), Standing.BLOCKED)
    assert (state.of(ANNA), state.of(an_id("boris"))) == (Standing.GOOD, Standing.ERASED)
    assert state.of(APPROVER.subject) is Standing.SUSPENDED
    taken = StandingState()
    taken.restore({name: memoryview(content) for name, content in state.save()})
    for each in (state, taken):
        noted(each, 65, an_id("last"), Standing.BLOCKED)
        assert each.of(an_id("boris")) is Standing.GOOD
    assert taken.digest() == state.digest()
    state = StandingState()
    noted(state, 1, ANNA, Standing.ERASED)
    before = state.digest()
    journal = noted(state, 64, an_id("more"), Standing.BLOCKED)
    journal.rollback()
    assert (state.digest(), state.of(ANNA)) == (before, Standing.ERASED)


def test_the_revoked_leave_memory_when_their_authorisation_has_ended() -> None:
    """62 days after, as the erased; meanwhile they stand apart, so that nobody else is asked about for them."""
    state, stream = StandingState(), stream_of(TENANT, an_id("revoked"))
    noted(state, 1, stream, Standing.REVOKED)
    assert (state.of(stream), state.standings) == (Standing.REVOKED, {})
    noted(state, 63, an_id("other"), Standing.BLOCKED)
    assert state.of(stream) is Standing.REVOKED
    taken = StandingState()
    taken.restore({name: memoryview(content) for name, content in state.save()})
    assert (taken.digest(), taken.of(stream)) == (state.digest(), Standing.REVOKED)
    before = state.digest()
    noted(state, 64, an_id("more"), Standing.BLOCKED).rollback()
    assert (state.digest(), state.of(stream)) == (before, Standing.REVOKED)
    for each in (state, taken):
        noted(each, 64, an_id("more"), Standing.BLOCKED)
        assert (each.of(stream), each.revoked) == (Standing.GOOD, {})


async def test_standings_survive_a_restart_and_a_snapshot(world: World) -> None:
    """They are built from events alone, and a snapshot holds them whole."""
    await take_over(world.application.standing.noting)(page(suspended(1), kyc(2, "BLOCKED")))
    before = standings(world)
    taken = StandingState()
    taken.restore({name: memoryview(content) for name, content in world.states.standing.save()})
    await world.restart()
    assert standings(world) == before == taken.standings
    assert world.states.standing.digest() == taken.digest()


async def test_what_somebody_proposed_who_was_suspended_is_void(world: World) -> None:
    """Suspended for a while is suspended: no proposal of that time outlives it."""
    await world.import_list(b"name,kind,reference\nBad Actor,person,X-1\nSomebody Else,person,X-2\n")
    proposal = await world.application.screening.acts.propose_retirement(OPERATOR, "UN", "out of use")
    take = take_over(world.application.standing.noting)
    await take(page(suspended(1, OPERATOR.subject), activated(2, OPERATOR.subject)))
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    assert await world.application.proposals.decide(confirm, SECOND_OPERATOR) == ["PROPOSAL_VOID"]


async def test_tokens_from_before_a_pin_have_ended(world: World) -> None:
    """As after a suspension that was lifted: nobody is suspended, what was proposed is void, and a restart knows it."""
    await world.import_list(b"name,kind,reference\nBad Actor,person,X-1\nSomebody Else,person,X-2\n")
    proposal = await world.application.screening.acts.propose_retirement(OPERATOR, "UN", "out of use")
    take = take_over(world.application.standing.noting)
    pinned = published(
        1,
        "CertificatePinned.v1",
        OPERATOR.subject,
        principal=OPERATOR.subject,
        certificate_sha256=bytes(32),
        public_key=b"",
        by=bytes(16),
    )
    await take(page(pinned, suspended(2), activated(3)))
    confirm = [Decision(proposal, Verdict.CONFIRM)]
    assert await world.application.proposals.decide(confirm, SECOND_OPERATOR) == ["PROPOSAL_VOID"]
    await world.restart()
    assert standings(world) == {}
    endings = world.states.proposals.endings
    assert [endings.position_of(each.subject) for each in (OPERATOR, PLATFORM, SECOND_OPERATOR)] == [1, 2, 0]


async def test_a_revoked_authorisation_is_of_one_submission(world: World) -> None:
    """By the submission's stream; whoever submitted it stands as before."""
    submission = an_id("submission")
    revoked = published(
        1, "AuthorisationRevoked.v1", TENANT, tenant=TENANT, submission=submission, note="", by=TENANT, expires_ns=9
    )
    await take_over(world.application.standing.noting)(page(revoked))
    assert (standings(world), world.states.standing.revoked) == ({}, {stream_of(TENANT, submission): None})
