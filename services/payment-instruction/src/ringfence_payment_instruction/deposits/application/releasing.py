"""Blocked suspense is free again once two people have found that the lists name somebody else (ADR 0022)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.deposits.application.suspended import Suspense
from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown, SuspenseNotBlocked
from ringfence_payment_instruction.deposits.domain.events import SuspendedReleased
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.deposits.domain.suspended import SuspendedEntry, release_stream

RELEASE = "payment-instruction.ReleaseSuspended"


@dataclass(frozen=True, slots=True)
class _Release:
    """What a proposal holds: the findings that were looked at, by their SHA-256, why they are of somebody else, and on
    what document that rests."""

    findings: list[bytes]
    document_sha256: bytes
    note: str


@dataclass(frozen=True, slots=True)
class SuspenseReleases:
    """Proposes to release blocked money; a second operator's confirmation does it. Nothing moves by that."""

    writer: GroupWriter
    state: State
    suspense: Suspense
    proposals: Proposals

    async def show(self, tenant: bytes, entry: bytes) -> SuspendedEntry:
        """Returns an entry as it stands now; raises SuspendedEntryUnknown, and as `Suspense.find`."""
        found = await self.suspense.find(tenant, entry)
        if found is None:
            raise SuspendedEntryUnknown
        return found

    async def propose(self, tenant: bytes, entry: bytes, document_sha256: bytes, note: str, caller: Caller) -> bytes:
        """Returns the proposal's id; it names the findings of now, and no others are released by it.

        Raises SuspendedEntryUnknown, SuspenseNotBlocked, TooManyProposals, and as `Suspense.find`.
        """
        found = await self.show(tenant, entry)
        if not found.is_blocked:
            raise SuspenseNotBlocked
        payload = plain.encode(_Release(sorted(each.finding for each in found.named), document_sha256, note))

        def decide(unit: Unit) -> bytes:
            return self.proposals.propose(
                unit, RELEASE, subject=found.id, payload=payload, caller=caller, tenant=tenant
            )

        return await self.writer.commit(decide)

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=RELEASE, basis=self._basis, carry_out=self._carry_out, describe=_described)

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of what was released before."""
        return sha256(plain.encode(self.state.releases.get(proposal.subject, ()))).digest()

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        release = _release_of(proposal)
        event = SuspendedReleased(
            tenant=proposal.tenant,
            entry=proposal.subject,
            findings=b"".join(release.findings),
            document_sha256=release.document_sha256,
            note=release.note,
            actor=hand.principal,
        )
        unit.record(release_stream(proposal.tenant, proposal.id), event)


def _release_of(proposal: Proposal) -> _Release:
    return plain.decode(memoryview(proposal.payload), _Release)


def _described(proposal: Proposal) -> str:
    release = _release_of(proposal)
    findings = ", ".join(each.hex() for each in release.findings) or "none that a list has now"
    return (
        f"release the money of bank entry {show(proposal.subject)} from blocked suspense, to be allocated or returned: "
        f"findings {findings} name nobody behind it, by document {release.document_sha256.hex()}: {release.note}"
    )
