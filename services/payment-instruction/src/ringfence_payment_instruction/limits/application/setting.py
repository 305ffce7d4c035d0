"""Setting and reading platforms' limits."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits, PlatformLimits
from ringfence_payment_instruction.limits.domain.deciding import set_limits
from ringfence_payment_instruction.limits.domain.errors import LimitsLoosened
from ringfence_payment_instruction.limits.domain.state import State


def stream_of_limits(tenant: bytes) -> bytes:
    """Returns the stream of a platform's limits."""
    return external_id("limits", tenant, "")


@dataclass(frozen=True, slots=True)
class Limits:
    """Puts a platform's limits in force, and tells which are."""

    writer: GroupWriter
    state: State
    installation: InstallationLimits

    async def set(self, caller: Caller, tenant: bytes, limits: PlatformLimits) -> PlatformLimits:
        """Returns the limits in force afterwards; the same version with the same limits again changes nothing.

        Raises LimitsVersionTaken, and LimitsLoosened where more could move than before.
        """

        def command(unit: Unit) -> PlatformLimits:
            event = set_limits(self.state, tenant, limits, caller.subject)
            if event is not None:
                loosened = self.installation.loosened(self.state.of(tenant), limits)
                if loosened:
                    names = ",".join(currency(ledger).alpha for ledger in loosened)
                    raise LimitsLoosened(f"two people allow more: {names}", currencies=names)
                unit.record(stream_of_limits(tenant), event)
            return self.state.of(tenant)

        return await self.writer.commit(command)

    async def get(self, tenant: bytes) -> PlatformLimits:
        """Returns a platform's own limits, as committed."""
        return await self.writer.commit(lambda unit: self.state.of(tenant))
