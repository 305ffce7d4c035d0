"""Fee agreements: recording, ending and showing them."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.flows.domain.events import FeeAgreed
from ringfence_payment_instruction.flows.domain.fees import agree, end
from ringfence_payment_instruction.flows.domain.state import State


def stream_of_agreement(tenant: bytes, agreement: bytes) -> bytes:
    """Returns the stream of a fee agreement; two tenants may choose the same id."""
    return external_id("fee-agreement", tenant, show(agreement))


@dataclass(frozen=True, slots=True)
class FeeAgreements:
    """Records what clients have agreed to pay their platform."""

    writer: GroupWriter
    state: State

    async def agree(self, new: FeeAgreed) -> None:
        """Records an agreement; the same again changes nothing. Raises FeeAgreementConflict."""

        def command(unit: Unit) -> None:
            for event in agree(self.state, new):
                unit.record(stream_of_agreement(new.tenant, new.agreement), event)

        await self.writer.commit(command)

    async def end(self, caller: Caller, tenant: bytes, agreement: bytes) -> None:
        """Ends an agreement; again changes nothing. Raises FeeAgreementUnknown."""

        def command(unit: Unit) -> None:
            for event in end(self.state, tenant, agreement, caller.subject):
                unit.record(stream_of_agreement(tenant, agreement), event)

        await self.writer.commit(command)

    async def listed(self, tenant: bytes, after: bytes, most: int) -> tuple[list[FeeAgreed], bool]:
        """Returns a tenant's agreements with ids above one, in order, and whether more follow."""
        found = await self.writer.commit(lambda unit: self.state.agreements(tenant))
        following = [each for each in found if each.agreement > after]
        return following[:most], len(following) > most
