"""What two operators let regulators and auditors read (ADR 49), and by which law they say platforms are supervised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, Item, answer_each, pending, record_all
from ringfence_identity.principals.domain import grants, principals
from ringfence_identity.principals.domain.grants import NewGrant
from ringfence_identity.principals.domain.state import State

GRANT = "identity.GrantAccess"
JURISDICTION = "identity.StateJurisdiction"


@dataclass(frozen=True, slots=True)
class PrincipalGrant:
    """Who shall read by a grant."""

    principal: bytes
    grant: NewGrant


@dataclass(frozen=True, slots=True)
class NewJurisdiction:
    """By which country's law a platform shall be supervised."""

    platform: bytes
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class GrantCommands:
    """Proposes grants and platforms' countries."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    async def grant(self, new: Sequence[Item[PrincipalGrant]], caller: Caller) -> list[Answer]:
        """Proposes what people may read; returns an answer for each."""

        def grant(unit: Unit, each: PrincipalGrant) -> Answer:
            principals.require_operator(self.state, caller.subject)
            principals.find(self.state, each.principal)
            if not grants.grant(self.state, each.principal, each.grant, b"", caller.subject, unit.now_ns):
                return Answer(DONE)
            return self._propose(unit, GRANT, each.principal, plain.encode(each.grant), caller)

        return await answer_each(self.writer, new, grant, self.proposals.sweeping)

    async def state_jurisdictions(self, new: Sequence[Item[NewJurisdiction]], caller: Caller) -> list[Answer]:
        """Proposes platforms' countries; returns an answer for each."""

        def state(unit: Unit, each: NewJurisdiction) -> Answer:
            principals.require_operator(self.state, caller.subject)
            if not grants.state_jurisdiction(self.state, each.platform, each.jurisdiction, caller.subject):
                return Answer(DONE)
            return self._propose(unit, JURISDICTION, each.platform, each.jurisdiction.encode(), caller)

        return await answer_each(self.writer, new, state, self.proposals.sweeping)

    def _propose(self, unit: Unit, effect: str, subject: bytes, payload: bytes, caller: Caller) -> Answer:
        return pending(self.proposals.propose(unit, effect, subject=subject, payload=payload, caller=caller))


@dataclass(frozen=True, slots=True)
class GrantActs:
    """What a second operator confirms of it."""

    state: State

    def effects(self) -> list[Effect]:
        """Returns all of it, to be registered once."""
        return [
            Effect(
                name=GRANT,
                basis=self._basis,
                carry_out=lambda unit, proposal, hand: record_all(unit, self._grant(unit, proposal)),
                describe=self._shown_grant,
                interested=self._holder,
            ),
            Effect(
                name=JURISDICTION,
                basis=self._basis,
                carry_out=lambda unit, proposal, hand: record_all(unit, self._state(proposal)),
                describe=self._shown_jurisdiction,
                interested=self._holder,
            ),
        ]

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of the principal, which counts its changes, and of what it reads by."""
        subject = proposal.subject
        concerned = self.state.principals.get(subject), self.state.grants.get(subject)
        return sha256(plain.encode((*concerned, self.state.jurisdictions.get(subject)))).digest()

    def _grant(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        new, by = new_grant(proposal), proposal.proposer.principal
        return grants.grant(self.state, proposal.subject, new, proposal.id, by, unit.now_ns)

    def _state(self, proposal: Proposal) -> Iterable[Any]:
        code, by = proposal.payload.decode(), proposal.proposer.principal
        return grants.state_jurisdiction(self.state, proposal.subject, code, by)

    def _holder(self, proposal: Proposal) -> frozenset[bytes]:
        """Returns the person whose principal it is about."""
        principal = self.state.principals.get(proposal.subject)
        return frozenset({principal.person} if principal else ())

    def _shown_grant(self, proposal: Proposal) -> str:
        held = self.state.grants.get(proposal.subject)
        before = shown_grant(grants.said_by(held) if held else None)
        reader = self._shown(proposal.subject)
        return f"read {shown_grant(new_grant(proposal))}, and nothing else: {reader}, who before reads {before}"

    def _shown_jurisdiction(self, proposal: Proposal) -> str:
        before = self.state.jurisdictions.get(proposal.subject, "none")
        code = proposal.payload.decode()
        platform = self._shown(proposal.subject)
        return f"supervised in {code}, before in {before}, and read by whoever reads there: {platform}"

    def _shown(self, subject: bytes) -> str:
        principal = self.state.principals.get(subject)
        return f"{principal.kind} {principal.name} ({show(subject)})" if principal else show(subject)


def new_grant(proposal: Proposal) -> NewGrant:
    """Returns the grant that a proposal would give."""
    return plain.decode(memoryview(proposal.payload), NewGrant)


def shown_grant(new: NewGrant | None) -> str:
    """Returns in words what a grant lets somebody read, what is widest first."""
    if new is None:
        return "the facts of ALL platforms, and of none, as long as the role lasts"
    platforms = ", ".join(map(show, new.platforms))
    countries = ", ".join(new.jurisdictions)
    if not (platforms or countries):
        whose = "of ALL platforms, and of none"
    elif platforms and countries:
        whose = f"of the platforms {platforms} as far as they are supervised in {countries}"
    else:
        whose = f"of the platforms {platforms}" if platforms else f"of every platform supervised in {countries}"
    since = f"from {new.from_ns} ns on" if new.from_ns else "from now on"
    until = f"before {new.until_ns} ns" if new.until_ns else "as long as the role lasts"
    return f"the facts {whose}, {since}, {until}, for the case {new.case_reference}"
