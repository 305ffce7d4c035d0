"""Payments that a list has stopped go on once two people have found that it names somebody else (ADR 0022)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.screening.domain.deciding import released
from ringfence_payment_instruction.screening.domain.errors import NothingHit
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.submission import Submission

RELEASE = "payment-instruction.ReleaseHits"


@dataclass(frozen=True, slots=True)
class _Release:
    """What a proposal holds: instruction ids, and why."""

    instruction_ids: list[bytes]
    note: str


@dataclass(frozen=True, slots=True)
class HitReleases:
    """Proposes to let payments go on; a second operator's confirmation does it."""

    submissions: Submissions
    proposals: Proposals

    async def propose(self, tenant: bytes, instruction_ids: Sequence[bytes], note: str, caller: Caller) -> bytes:
        """Returns the proposal's id; raises NothingHit unless a list has stopped all of them, TooManyProposals."""
        payload = plain.encode(_Release(sorted(set(instruction_ids)), note))

        def decide(unit: Unit) -> bytes:
            for _ in self._stopped(tenant, instruction_ids):
                pass
            return self.proposals.propose(unit, RELEASE, subject=tenant, payload=payload, caller=caller, tenant=tenant)

        return await self.submissions.writer.commit(decide, weight=len(instruction_ids))

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=RELEASE, basis=self._basis, carry_out=self._carry_out, describe=_described)

    def _stopped(self, tenant: bytes, instruction_ids: Sequence[bytes]) -> Iterator[tuple[Submission, int]]:
        """Yields where instructions are; raises NothingHit for one that no list has stopped."""
        for instruction_id in instruction_ids:
            found = self.submissions.state.find(tenant, instruction_id)
            if found is None or found[1] not in found[0].hits or found[0].is_done(found[1]):
                raise NothingHit(instruction=show(instruction_id))
            yield found

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of what has hit, and of how often it was released before."""
        try:
            stopped = list(self._stopped(proposal.tenant, _release_of(proposal).instruction_ids))
        except NothingHit:
            return b""
        content = [(each.hits[index], len(each.released.get(index, ()))) for each, index in stopped]
        return sha256(plain.encode(content)).digest()

    def _carry_out(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        release = _release_of(proposal)
        rows: dict[bytes, list[int]] = {}
        for submission, index in self._stopped(proposal.tenant, release.instruction_ids):
            rows.setdefault(submission.stream, []).append(index)
        for stream, indexes in rows.items():
            submission = self.submissions.state.known(stream)
            self.submissions.record(unit, stream, released(submission, indexes, hand.principal, release.note))


def _release_of(proposal: Proposal) -> _Release:
    return plain.decode(memoryview(proposal.payload), _Release)


def _described(proposal: Proposal) -> str:
    release = _release_of(proposal)
    ids = ", ".join(show(each) for each in release.instruction_ids)
    whose = f"{len(release.instruction_ids)} payment(s) of platform {show(proposal.tenant)}"
    return f"let {whose} go on that a list has stopped: {ids}: {release.note}"
