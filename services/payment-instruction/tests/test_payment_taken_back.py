"""Messages that the bank never had are taken back, also where nobody can read or authorise them any more."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused
from ringfence_payment_instruction.submissions.domain.status import Stage, Status

from .test_payment_rail import directed, rows, stage
from .world import TENANT, World, an_id


@pytest.mark.parametrize("kept", ["broken", "never kept"])
async def test_what_nobody_can_write_again_and_the_bank_never_had_is_taken_back(world: World, kept: str) -> None:
    """A tombstone tells that it is not out, or is put: the money is free again, and no bank has to say anything."""
    await directed(world, "out")
    if kept == "broken":
        rows(world.database, "UPDATE rail_outbox SET envelope = 'broken' RETURNING 1")
    else:
        rows(world.database, "DELETE FROM rail_outbox RETURNING 1")
        world.rail.withdrawn |= set(message_ids(world, "out"))
    world.identity.erased |= {an_id("anna"), TENANT}
    await world.restart()
    world.rail.is_broken = False
    await world.reaches("out", Status.REJECTED)
    assert (world.reason("out"), world.rail.sent) == (reasons.SUBJECT_ERASED, {})
    assert world.custody.balances[an_id("anna account")] == 1_000_00


async def test_what_nobody_can_write_again_and_the_bank_has_becomes_unknown(world: World) -> None:
    """What stands under its name is no tombstone."""
    await directed(world, "out")
    rows(world.database, "UPDATE rail_outbox SET envelope = 'broken' RETURNING 1")
    world.rail.sent = dict.fromkeys(message_ids(world, "out"), b"")
    world.identity.erased |= {an_id("anna"), TENANT}
    await world.restart()
    world.rail.is_broken = False
    await world.reaches("out", Status.UNKNOWN)


@pytest.mark.parametrize("is_out", [False, True])
async def test_an_authorisation_that_has_ended_keeps_no_message_waiting(world: World, is_out: bool) -> None:
    """Custody does not tell of accounts any more: what is not out goes back to where it expires; the rest was sent."""
    await directed(world, "out")
    if is_out:
        world.rail.deliver = lambda message_id, content: "taken"  # type: ignore[method-assign]
        world.rail.sent = dict.fromkeys(message_ids(world, "out"), b"")
    frozen, world.custody.frozen = world.custody.frozen, ended  # type: ignore[method-assign]
    world.rail.is_broken = False
    if is_out:
        await world.reaches("out", Status.SENT)
        return
    await world.until(lambda: stage(world, "out") is Stage.SEND)
    world.custody.frozen = frozen  # type: ignore[method-assign]
    await world.reaches("out", Status.SENT)
    assert len(world.rail.withdrawn) == len(world.rail.sent) == 1


async def ended(tenant: bytes, token: str, accounts: Any) -> frozenset[bytes]:
    """Custody's answer to an authorisation that has ended."""
    raise AuthorisationRefused


async def test_a_tombstone_that_stands_asks_custody_nothing(world: World) -> None:
    """Somebody put it after accounts were asked, and the authorisation ended since."""
    await directed(world, "out")
    frozen, (message_id,) = world.custody.frozen, message_ids(world, "out")

    async def answered(tenant: bytes, token: str, accounts: Any) -> frozenset[bytes]:
        world.rail.withdrawn.add(message_id)
        world.custody.frozen = ended  # type: ignore[method-assign]
        return frozenset()

    world.custody.frozen = answered  # type: ignore[method-assign]
    world.rail.is_broken = False
    await world.until(lambda: stage(world, "out") is Stage.SEND)
    world.custody.frozen = frozen  # type: ignore[method-assign]
    await world.reaches("out", Status.SENT)
    assert message_id not in world.rail.sent


def message_ids(world: World, name: str) -> list[str]:
    """Returns the messages of a payment's submission."""
    submission, _ = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    return list(submission.messages)
