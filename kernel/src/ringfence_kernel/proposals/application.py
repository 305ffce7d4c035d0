"""Proposes, confirms, refuses: what a module does with acts of two people, and how it says what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.access.refusals import TokenEnded
from ringfence_kernel.proposals.domain import proposals
from ringfence_kernel.proposals.domain.errors import ProposalTooLarge, SecondPersonRequired
from ringfence_kernel.proposals.domain.events import ProposerResumed, ProposerStopped, VoidReason
from ringfence_kernel.proposals.domain.proposals import LONGEST_NS, Actor
from ringfence_kernel.proposals.domain.state import Proposal, State
from ringfence_kernel.proposals.sweeping import Swept
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.writing.deciding import InSteps, Steps
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.writer import GroupWriter, Unit

OPERATORS = frozenset({"operator"})
"""Roles that confirm where an effect says nothing else: their people stand above all platforms."""


MAX_DESCRIPTION = 32_768
"""Characters of a description: nobody confirms what cannot be read whole."""
MAX_PAGE_CHARACTERS = 1_000_000
"""Of descriptions in one page, which ends early where there are more."""


def _nobody(proposal: Proposal) -> frozenset[bytes]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a module lets two people bring about.

    `basis` is a digest, at most 32 bytes, of what would be changed, as it is now. Where anything else than this
    effect changes that, it holds a version, a count or a time, to be another one after a change there and back; a
    confirmation voids whatever else waits of the same effect on the same subject of the same tenant. `carry_out`
    records the effect's events in the unit of the confirmation, or raises its refusal before it records anything.
    `describe` tells the second person what would happen and to whom, whole, without personal data. `confirmers` are
    roles; people of a platform confirm for their own tenant alone. `interested` are principals and persons who gain
    by it, beside the subject. Where it `disowns`, the subject is a principal, and whatever it has proposed is void
    by it.
    """

    name: str
    basis: Callable[[Proposal], bytes]
    carry_out: Callable[[Unit, Proposal, Hand], None]
    describe: Callable[[Proposal], str]
    confirmers: frozenset[str] = OPERATORS
    interested: Callable[[Proposal], frozenset[bytes]] = _nobody
    disowns: bool = False
    lasts_ns: int = LONGEST_NS


class Verdict(Enum):
    """What becomes of a proposal."""

    CONFIRM = "CONFIRM"
    REFUSE = "REFUSE"
    WITHDRAW = "WITHDRAW"


class Said(Enum):
    """What identity says of a principal."""

    SUSPENDED = "SUSPENDED"
    ACTIVATED = "ACTIVATED"
    PINNED = "PINNED"


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on one proposal."""

    proposal: bytes
    verdict: Verdict
    note: str = ""


class Shown(NamedTuple):
    """A proposal that waits, and what would happen, in words, as of the commit that looked for it."""

    proposal: Proposal
    description: str


def _may_act(hand: Hand, now_ns: int) -> bool:
    return True


@dataclass(slots=True)
class Proposals:
    """The proposals of one service, and its effects, registered by its modules.

    `may_act` tells whether a hand's principal may act at a time, as far as the service knows it better than tokens do,
    and `has_ended` whether a caller's token has ended meanwhile.
    """

    writer: GroupWriter
    state: State
    may_act: Callable[[Hand, int], bool] = _may_act
    has_ended: Callable[[Caller], bool] = lambda caller: False
    _effects: dict[str, Effect] = field(default_factory=dict)
    _swept: Swept | None = None

    def register(self, effects: Iterable[Effect]) -> None:
        """Takes up what a module lets two people bring about; raises ValueError for a name that is taken."""
        for effect in effects:
            if effect.name in self._effects:
                raise ValueError(f"two effects are named {effect.name}")
            self._effects[effect.name] = effect

    def propose(
        self, unit: Unit, effect: str, *, subject: bytes, payload: bytes, caller: Caller, tenant: bytes = b""
    ) -> bytes:
        """Records a proposal, unless the same hand waits with the same; returns its id. Nothing else happens.

        The module has checked before that `payload` could be carried out. Raises TokenInvalid for a token that names
        no hand, TokenEnded, SecondPersonRequired for a principal that may not act, TooManyProposals, ProposalTooLarge.
        """
        self.require_token(caller)
        self.sweep(unit)
        actor, known = actor_of(caller), self._effects[effect]
        if not self._may_act(actor.hand, unit.now_ns):
            raise SecondPersonRequired
        draft = Proposal(new_id(), effect, subject, tenant, payload, b"", actor.hand, 0, 0)
        draft = replace(draft, basis=known.basis(draft))
        if len(known.describe(draft)) > MAX_DESCRIPTION:
            raise ProposalTooLarge
        proposal, events = proposals.propose(self.state, draft, actor, known.lasts_ns, unit.now_ns)
        for event in events:
            unit.record(event.stream, event)
        return proposal

    async def decide(self, decisions: Sequence[Decision | DomainError], caller: Caller) -> list[str]:
        """Decides in order within one commit; returns a reason per decision, empty for done."""
        actor = actor_of(caller)

        def decide_all(unit: Unit) -> Steps[list[str]]:
            self.require_token(caller)
            reasons = []
            for each in decisions:
                if isinstance(each, Decision):
                    yield from self.sweeping(unit)
                reasons.append(self._decided(unit, each, actor))
                yield
            return reasons

        return await self.writer.commit(InSteps(decide_all), weight=1 + len(decisions))

    def decide_within(self, unit: Unit, decision: Decision, caller: Caller) -> None:
        """Does the same with one decision in a commit that is under way.

        Raises ProposalNotFound, ProposalVoid, SecondPersonRequired, TokenEnded, and what the effect raises.
        """
        self.require_token(caller)
        self._decide(unit, decision, actor_of(caller))

    async def waiting(self, caller: Caller, tenant: bytes, after: int, most: int) -> tuple[list[Shown], bool]:
        """Returns those after a position that the caller may see, of one tenant or of all, and whether more follow.

        It is one at least, and as many as are no longer together than MAX_PAGE_CHARACTERS. All are described as of one
        commit: nobody reads what another group has decided and may yet lose.
        """
        actor = actor_of(caller)

        def look(unit: Unit) -> Steps[tuple[list[Shown], bool]]:
            yield from self.sweeping(unit)
            seen = [
                each
                for each in self.state.in_order()
                if each.position > after and tenant in (b"", each.tenant) and self._sees(actor, each)
            ]
            shown, left = list[Shown](), MAX_PAGE_CHARACTERS
            for each in seen[:most]:
                description = self._describe(each)
                if shown and len(description) > left:
                    break
                left -= len(description)
                shown.append(Shown(each, description))
                yield
            return shown, len(seen) > len(shown)

        return await self.writer.commit(InSteps(look))

    def _describe(self, proposal: Proposal) -> str:
        """Returns what would happen, in words; a release that does not know the effect has only its name."""
        effect = self._effects.get(proposal.effect)
        return effect.describe(proposal) if effect else proposal.effect

    def about(self, effect: str, subject: bytes, tenant: bytes | None = None) -> list[Proposal]:
        """Returns the proposals of an effect on a subject that wait, the oldest first; of one tenant, or of any."""
        return [each for each in self.state.about(subject) if each.effect == effect and tenant in (None, each.tenant)]

    def refuse_about(self, unit: Unit, subject: bytes, note: str, by: bytes) -> int:
        """Voids everything that waits about a subject, because somebody decided against it; returns how many."""
        found = self.state.about(subject)
        for each in found:
            self._void(unit, each, VoidReason.REFUSED, note, by)
        return len(found)

    def hear(self, unit: Unit, said: Said, ending: Ending) -> None:
        """Takes in what identity says of a principal, where and when; what was void stays so.

        Who is suspended, or has a certificate pinned, has proposed nothing: it may have been somebody else.
        """
        was_stopped = ending.principal in self.state.stopped
        if said is not Said.ACTIVATED:
            self._stop(unit, ending)
        if (said is Said.ACTIVATED and was_stopped) or (said is Said.PINNED and not was_stopped):
            resumed = ProposerResumed(ending.principal)
            unit.record(resumed.stream, resumed)

    def _stop(self, unit: Unit, ending: Ending) -> None:
        if ending.position > self.state.endings.position_of(ending.principal):
            stopped = ProposerStopped(ending.principal, ending.position, ending.at_ns)
            unit.record(stopped.stream, stopped)
        self._disown(unit, ending.principal)

    def _disown(self, unit: Unit, principal: bytes) -> None:
        for each in self.state.proposed_by(principal):
            self._void(unit, each, VoidReason.CHANGED)

    def require_token(self, caller: Caller) -> None:
        """Raises TokenEnded where the caller was let in before its token ended, and this is decided after."""
        if self.has_ended(caller):
            raise TokenEnded

    def sweep(self, unit: Unit) -> None:
        """Voids what has lapsed, and what rests on something that is not what it was, in one go."""
        for _ in self.sweeping(unit):
            pass

    def sweeping(self, unit: Unit) -> Steps[None]:
        """Does the same, a proposal a step; what comes between two steps is no decision.

        Where nothing was recorded since the last time but further proposals, no hand has lost its right, and none of
        them has come to its end, there is nothing to void: what many propose is looked at no more than once.
        """
        swept = self._swept
        if swept is None or not swept.still_holds(unit, self._all_may_act):
            # As of before it: what is voided may itself change what another rests on.
            swept = Swept.now(unit, self.state.waiting.values())
            yield from self._void_fallen(unit)
        else:
            swept = swept.at(unit)
        unit.journal.call(setattr, self, "_swept", self._swept)
        self._swept = swept

    def _void_fallen(self, unit: Unit) -> Steps[None]:
        for each in self.state.in_order():
            if unit.now_ns >= each.expires_ns:
                self._void(unit, each, VoidReason.LAPSED)
            elif not self._stands(each, unit.now_ns):
                self._void(unit, each, VoidReason.CHANGED)
            yield

    def _all_may_act(self, now_ns: int) -> bool:
        return all(self._may_act(hand, now_ns) for hand in self.state.of_hand)

    def _stands(self, proposal: Proposal, now_ns: int) -> bool:
        effect = self._effects.get(proposal.effect)
        if effect is None or effect.basis(proposal) != proposal.basis:
            return False
        return self._may_act(proposal.proposer, now_ns)

    def _may_act(self, hand: Hand, now_ns: int) -> bool:
        return hand.principal not in self.state.stopped and self.may_act(hand, now_ns)

    def _void(self, unit: Unit, proposal: Proposal, reason: VoidReason, note: str = "", by: bytes = b"") -> None:
        unit.record(proposal.id, proposals.voided(proposal, reason, note, by))

    def _sees(self, actor: Actor, proposal: Proposal) -> bool:
        allowed = actor.may_decide(self._confirmers(proposal.effect), proposal.tenant)
        return allowed or proposal.proposer.principal == actor.hand.principal

    def _confirmers(self, effect: str) -> frozenset[str]:
        known = self._effects.get(effect)
        return known.confirmers if known else frozenset()

    def _decided(self, unit: Unit, decision: Decision | DomainError, actor: Actor) -> str:
        if isinstance(decision, DomainError):
            return decision.reason
        try:
            self._decide(unit, decision, actor)
        except DomainError as refusal:
            return refusal.reason
        return ""

    def _decide(self, unit: Unit, decision: Decision, actor: Actor) -> None:
        if decision.verdict is Verdict.CONFIRM and proposals.is_confirmed_by(self.state, decision.proposal, actor):
            return
        self.sweep(unit)
        proposal = proposals.require_waiting(self.state, decision.proposal, actor, self._confirmers)
        if not self._may_act(actor.hand, unit.now_ns):
            raise SecondPersonRequired
        if decision.verdict is Verdict.WITHDRAW:
            if proposal.proposer.person != actor.hand.person:
                raise SecondPersonRequired("only the person who proposed it withdraws it")
            self._void(unit, proposal, VoidReason.WITHDRAWN, decision.note, actor.hand.principal)
        elif decision.verdict is Verdict.REFUSE:
            self._void(unit, proposal, VoidReason.REFUSED, decision.note, actor.hand.principal)
        else:
            self._confirm(unit, proposal, actor, decision.note)

    def _confirm(self, unit: Unit, proposal: Proposal, actor: Actor, note: str) -> None:
        effect = self._effects[proposal.effect]
        if not actor.may_decide(effect.confirmers, proposal.tenant):
            raise SecondPersonRequired
        proposals.require_second_person(proposal, actor, effect.interested(proposal))
        effect.carry_out(unit, proposal, actor.hand)
        unit.record(proposal.id, proposals.confirmed(proposal, actor, note))
        for other in self.about(proposal.effect, proposal.subject, proposal.tenant):
            self._void(unit, other, VoidReason.CHANGED)
        if effect.disowns:
            self._disown(unit, proposal.subject)


def actor_of(caller: Caller) -> Actor:
    """Returns who a caller is to proposals; raises TokenInvalid for a token that names no hand."""
    return Actor(caller.hand, caller.roles, caller.tenant or b"", caller.grant_ends_ns)
