"""Setting and reading platforms' limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits, PlatformLimits
from ringfence_payment_instruction.limits.domain.deciding import set_limits
from ringfence_payment_instruction.limits.domain.events import LimitsSet
from ringfence_payment_instruction.limits.domain.state import State, limits_of

LOOSEN = "payment-instruction.LoosenLimits"


def stream_of_limits(tenant: bytes) -> bytes:
    """Returns the stream of a platform's limits."""
    return external_id("limits", tenant, "")


class SetAnswer(NamedTuple):
    """The version in force, and the proposal that a second person confirms, empty where none is needed."""

    version: int
    proposal: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """Puts a platform's limits in force, and tells which are. Tightening takes one person, loosening two."""

    writer: GroupWriter
    proposals: Proposals
    state: State
    installation: InstallationLimits

    async def set(self, caller: Caller, tenant: bytes, limits: PlatformLimits) -> SetAnswer:
        """Returns what is in force afterwards; the same version with the same limits again changes nothing.

        Raises LimitsVersionTaken, and what proposals raise where more could move than before.
        """

        def command(unit: Unit) -> SetAnswer:
            before = self.state.of(tenant)
            event = set_limits(self.state, tenant, limits, caller.subject)
            if event is None:
                return SetAnswer(before.version)
            if self.installation.loosened(before, limits):
                payload = plain.encode(event)
                proposal = self.proposals.propose(
                    unit, LOOSEN, subject=tenant, tenant=tenant, payload=payload, caller=caller
                )
                return SetAnswer(before.version, proposal)
            unit.record(stream_of_limits(tenant), event)
            return SetAnswer(limits.version)

        return await self.writer.commit(command)

    async def get(self, tenant: bytes) -> PlatformLimits:
        """Returns a platform's own limits, as committed."""
        return await self.writer.commit(lambda unit: self.state.of(tenant))

    def effect(self) -> Effect:
        """Returns what two people may bring about: limits that let more move than those in force."""
        return Effect(name=LOOSEN, basis=self._basis, carry_out=self._loosen, describe=self._describe)

    def _basis(self, proposal: Proposal) -> bytes:
        # Every change has a version of its own.
        return self.state.of(proposal.subject).version.to_bytes(4, "big")

    def _loosen(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        proposed = _proposed(proposal)
        event = set_limits(self.state, proposed.tenant, limits_of(proposed), proposed.set_by)
        if event is not None:
            unit.record(stream_of_limits(event.tenant), event)

    def _describe(self, proposal: Proposal) -> str:
        """Returns every bound that would rise, in minor units."""
        before, after = self.state.of(proposal.subject), limits_of(_proposed(proposal))
        rows = []
        for ledger in self.installation.loosened(before, after):
            old, new = self.installation.bounds(before, ledger), self.installation.bounds(after, ledger)
            rows.append(f"{currency(ledger).alpha}: {_bounds(old)} -> {_bounds(new)}")
        return "limits in minor units (payment, debtor's day, platform's day, approver): " + "; ".join(rows)


def _proposed(proposal: Proposal) -> LimitsSet:
    return plain.decode(memoryview(proposal.payload), LimitsSet)


def _bounds(bounds: Bounds) -> str:
    return f"{bounds.payment_minor}, {bounds.debtor_day_minor}, {bounds.day_minor}, {bounds.approver_minor}"
