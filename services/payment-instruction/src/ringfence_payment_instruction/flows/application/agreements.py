"""Fee agreements: recording, ending and showing them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.flows.application.ports import PastAgreements
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
    past: PastAgreements

    async def agree(self, new: FeeAgreed) -> None:
        """Records an agreement; the same again changes nothing. Raises FeeAgreementConflict."""
        await self._decide(new.tenant, new.agreement, lambda was_ended: agree(self.state, new, was_ended))

    async def end(self, caller: Caller, tenant: bytes, agreement: bytes) -> None:
        """Ends an agreement; again changes nothing. Raises FeeAgreementUnknown."""
        await self._decide(
            tenant, agreement, lambda was_ended: end(self.state, tenant, agreement, caller.subject, was_ended)
        )

    async def listed(self, tenant: bytes, after: bytes, most: int) -> tuple[list[FeeAgreed], bool]:
        """Returns a tenant's agreements with ids above one, in order, and whether more follow."""
        found = await self.writer.commit(lambda unit: self.state.agreements(tenant))
        following = [each for each in found if each.agreement > after]
        return following[:most], len(following) > most

    async def _decide(self, tenant: bytes, agreement: bytes, decide: Callable[[bool], Sequence[object]]) -> None:
        """Decides about an agreement, which is looked up before where it may have ended and left memory."""
        key, stream, ended = tenant + agreement, stream_of_agreement(tenant, agreement), self.state.ended
        while True:
            position = self.writer.head.position
            was_ended = ended.may_have_left(key) and await asyncio.to_thread(self.past.is_ended, stream)

            def command(unit: Unit, position: int = position, was_ended: bool = was_ended) -> None:
                with ended.as_of(position, [key]):
                    unit.record_all(stream, decide(was_ended))

            try:
                return await self.writer.commit(command)
            except LookAgain:
                continue
