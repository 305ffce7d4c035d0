"""Setting and reading platforms' limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import external_id, show
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits, PlatformLimits
from ringfence_payment_instruction.limits.domain.deciding import set_limits
from ringfence_payment_instruction.limits.domain.events import LimitsSet
from ringfence_payment_instruction.limits.domain.state import State, limits_of
from ringfence_payment_instruction.submissions.domain.tallies import Tallies, approver_key, debtor_key, platform_key

LOOSEN = "payment-instruction.LoosenLimits"
BOUNDS = ("payment", "debtor's day", "platform's day", "approver")
"""What bounds are called, in the order of their fields."""


def stream_of_limits(tenant: bytes) -> bytes:
    """Returns the stream of a platform's limits."""
    return external_id("limits", tenant, "")


class SetAnswer(NamedTuple):
    """The version in force, and the proposal that a second person confirms, empty where none is needed."""

    version: int
    proposal: bytes = b""


class Used(NamedTuple):
    """What has passed on one person's word within a day, minor units: of a debtor, a platform and an approver."""

    debtor_minor: int
    platform_minor: int
    approver_minor: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Puts a platform's limits in force, and tells which are. Tightening takes one person, loosening two.

    So does another time zone: payments come due, and settle, on other days.
    """

    writer: GroupWriter
    proposals: Proposals
    state: State
    installation: InstallationLimits
    tallies: Tallies
    clock: Clock

    async def set(self, caller: Caller, tenant: bytes, limits: PlatformLimits) -> SetAnswer:
        """Returns what is in force afterwards; the same version with the same limits again changes nothing.

        Raises LimitsVersionTaken, and what proposals raise where more could move than before.
        """

        def command(unit: Unit) -> SetAnswer:
            before = self.state.of(tenant)
            event = set_limits(self.state, tenant, limits, caller.subject)
            if event is None:
                return SetAnswer(before.version)
            if self.installation.loosened(before, limits) or limits.time_zone != before.time_zone:
                payload = plain.encode(event)
                proposal = self.proposals.propose(
                    unit, LOOSEN, subject=tenant, tenant=tenant, payload=payload, caller=caller
                )
                return SetAnswer(before.version, proposal)
            unit.record(stream_of_limits(tenant), event)
            return SetAnswer(limits.version)

        return await self.writer.commit(command)

    async def used(self, tenant: bytes, debtor: bytes, approver: bytes, ledgers: Sequence[int]) -> list[Used]:
        """Returns what has passed within a day in currencies, of a platform, a debtor's account and an approver."""

        def counted(unit: Unit) -> list[Used]:
            now_ns = self.clock.now_ns()
            keys = [
                (
                    debtor_key(tenant, debtor, each),
                    platform_key(tenant, each),
                    approver_key(tenant, approver, each),
                )
                for each in ledgers
            ]
            return [Used(*(max(self.tallies.sliding_minor(now_ns, key), 0) for key in each)) for each in keys]

        return await self.writer.commit(counted)

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
        """Returns every bound that would change, in minor units: what rises first, approvers' own among it."""
        before, after = self.state.of(proposal.subject), limits_of(_proposed(proposal))
        rows = [*self._ledgers(before, after), *self._approvers(before, after), *_zone(before, after)]
        changed = [text for _, text in sorted(rows, key=lambda row: not row[0])]
        heading = f"limits of platform {show(proposal.subject)}, version {after.version}, in minor units"
        return "; ".join([heading, *changed])

    def _ledgers(self, before: PlatformLimits, after: PlatformLimits) -> Iterator[tuple[bool, str]]:
        """Yields whether bounds of a currency would rise, and how they would change."""
        for ledger in sorted(before.by_ledger.keys() | after.by_ledger.keys()):
            old, new = self.installation.bounds(before, ledger), self.installation.bounds(after, ledger)
            if before.by_ledger.get(ledger) != after.by_ledger.get(ledger):
                named = zip(BOUNDS, astuple(old), astuple(new), strict=True)
                told = ", ".join(f"{name} {_changed(was, will)}" for name, was, will in named)
                yield not new.is_within(old), f"{_alpha(ledger)}: {told}"

    def _approvers(self, before: PlatformLimits, after: PlatformLimits) -> Iterator[tuple[bool, str]]:
        """Yields whether somebody may approve more alone than before, and what would change for them."""
        for approver, ledger in sorted(before.by_approver.keys() | after.by_approver.keys()):
            old, new = (limits.by_approver.get((approver, ledger)) for limits in (before, after))
            if old != new:
                rises = self.installation.approver_minor(after, approver, ledger) > self.installation.approver_minor(
                    before, approver, ledger
                )
                yield rises, f"approver {show(approver)} alone in {_alpha(ledger)}: {_changed(old, new)}"


def _proposed(proposal: Proposal) -> LimitsSet:
    return plain.decode(memoryview(proposal.payload), LimitsSet)


def _zone(before: PlatformLimits, after: PlatformLimits) -> Iterator[tuple[bool, str]]:
    """Yields how the time zone would change, told with what rises."""
    if before.time_zone != after.time_zone:
        was, will = (each.time_zone or "the currency's" for each in (before, after))
        yield True, f"a time zone of its own: {was} -> {will}"


def _changed(old: int | None, new: int | None) -> str:
    """Tells a bound before and after; None is none of their own."""
    was, will = ("none" if each is None else str(each) for each in (old, new))
    return will if was == will else f"{was} -> {will}"


def _alpha(ledger: int) -> str:
    return currency(ledger).alpha
