"""Fee agreements that have ended, and are kept in their own events alone."""

from __future__ import annotations

import pytest
from ringfence_payment_instruction.flows.domain.errors import FeeAgreementConflict, FeeAgreementUnknown
from ringfence_payment_instruction.flows.domain.state import State as FlowsState

from .test_payment_flows import agreed
from .world import PLATFORM, TENANT, World


async def test_agreements_that_ended_leave_memory_and_stay_ended(world: World) -> None:
    """The newest ones are kept; of an older one its own events say that its id is taken, after a restart too."""
    world.recent_ended = 2
    await world.restart()
    ids = [bytes([number]) + bytes(15) for number in (9, 7, 5, 3, 1)]
    for each in ids:
        agreements = world.application.flows.agreements
        await agreements.agree(agreed(agreement=each))
        await agreements.end(PLATFORM, TENANT, each)
    digest = world.states.flows.digest()
    await world.restart()
    assert (world.states.flows.digest(), len(world.states.flows.ended)) == (digest, 2)
    taken = FlowsState(2)
    taken.restore({name: memoryview(content) for name, content in world.states.flows.save()})
    assert taken.digest() == digest
    agreements = world.application.flows.agreements
    head = world.writer.head.position
    for each in ids:
        await agreements.end(PLATFORM, TENANT, each)
        with pytest.raises(FeeAgreementConflict):
            await agreements.agree(agreed(agreement=each))
    unknown = bytes([2]) + bytes(15)
    with pytest.raises(FeeAgreementUnknown):
        await agreements.end(PLATFORM, TENANT, unknown)
    assert world.writer.head.position == head
    await agreements.agree(agreed(agreement=unknown))
    assert [each.agreement for each in (await agreements.listed(TENANT, b"", 9))[0]] == [unknown]
