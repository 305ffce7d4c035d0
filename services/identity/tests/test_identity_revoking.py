"""One authorisation is revoked without its principal: for good, and for that submission alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind
from ringfence_identity.tokens.api import TokenApi
from ringfence_identity.tokens.domain.errors import AuthorisationNotFound, SubmissionRefused
from ringfence_identity.tokens.domain.events import AuthorisationRevoked
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.identity.v1 import identity_pb2 as pb

from .test_identity_known import OPERATOR, PLATFORM, Running, an_id, running

__all__ = ["running"]
MAKER = Caller("spiffe://test/principal", None, PLATFORM, "", PLATFORM)
ABOVE_ALL = replace(MAKER, subject=OPERATOR, tenant=None)
STRANGER = replace(MAKER, subject=an_id("stranger"), tenant=an_id("stranger"))


async def revoke(running: Running, name: str, by: Caller = MAKER, note: str = "sent by mistake") -> None:
    """Revokes a submission's authorisation over the API."""
    api = TokenApi(None, None, running.commands(), None)  # type: ignore[arg-type]
    request = pb.RevokeAuthorisationRequest(tenant_id=PLATFORM, submission_id=an_id(name), note=note)
    with calling(by):
        await api.RevokeAuthorisation(request, None)


def recorded(running: Running) -> list[AuthorisationRevoked]:
    """Returns what was revoked, in order."""
    events = (each.event for each in running.store.replay(running.writer.codec))
    return [each for each in events if isinstance(each, AuthorisationRevoked)]


@pytest.mark.parametrize("by", [MAKER, ABOVE_ALL], ids=["its maker", "an operator"])
async def test_no_other_is_given_for_what_was_revoked(running: Running, by: Caller) -> None:
    """Long after it has left memory, and after a kill; other submissions go on, and a second revocation is none."""
    ends_ns = await running.authorise("a")
    await running.authorise("b")
    await revoke(running, "a", by)
    await revoke(running, "a", by)
    (said,) = recorded(running)
    assert (said.tenant, said.submission, said.by, said.expires_ns) == (PLATFORM, an_id("a"), by.subject, ends_ns)
    for _ in range(2):
        with pytest.raises(SubmissionRefused):
            await running.authorise("a")
        await running.authorise("b")
        await running.fill()
        await running.restart()
    assert await running.differences() == {}


async def test_one_that_has_left_memory_is_revoked(running: Running) -> None:
    """It counts for thirty days, and stands in a table."""
    await running.authorise("a")
    await running.fill()
    await revoke(running, "a")
    with pytest.raises(SubmissionRefused):
        await running.authorise("a")


async def test_what_is_not_there_is_not_revoked(running: Running) -> None:
    """Another tenant's looks like none; one that has expired is over; a reason is given."""
    await running.authorise("a")
    for name, by in (("b", MAKER), ("b", ABOVE_ALL), ("a", STRANGER)):
        with pytest.raises(AuthorisationNotFound):
            await revoke(running, name, by)
    with pytest.raises(InvalidArgument):
        await revoke(running, "a", note="")
    running.clock.advance(32 * DAY_NS)
    with pytest.raises(AuthorisationNotFound):
        await revoke(running, "a")
    assert recorded(running) == []


async def test_revocations_end_with_what_they_ended(running: Running) -> None:
    """Memory holds those of thirty days, and a process that starts from a snapshot has them."""
    await running.authorise("a")
    await revoke(running, "a")
    running.clock.advance(32 * DAY_NS)
    await running.authorise("b")
    await revoke(running, "b")
    (keys,) = running.modules.tokens.revoked.values()
    assert [key[16:] for key in keys] == [an_id("b")]
    sections = running.modules.tokens.save()
    restored = type(running.modules.tokens)()
    restored.restore({name: memoryview(content) for name, content in sections})
    assert restored.revoked == running.modules.tokens.revoked


def test_whoever_submits_or_watches_over_it_may() -> None:
    """Platforms, their approvers and operators have the scope; who only reads, or brings evidence, has not."""
    holders = {kind for kind, scopes in SCOPES_OF_KIND.items() if "identity.authorisations.revoke" in scopes}
    assert holders == {Kind.PLATFORM, Kind.PLATFORM_APPROVER, Kind.OPERATOR}
