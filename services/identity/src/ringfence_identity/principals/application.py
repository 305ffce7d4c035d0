"""Handlers of the methods about principals, and what two operators bring about (ADR 0020)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Decision, Effect, Proposals, Verdict
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import DONE, Answer, Item, answer_each, decide_each, pending, record_all
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData, PrincipalNotFound
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPrincipal, OtherIds
from ringfence_identity.principals.domain.state import Principal, State, Status

REGISTER = "identity.RegisterPrincipal"
ACTIVATE = "identity.ActivatePrincipal"
RENEW = "identity.RenewGrant"


@dataclass(frozen=True, slots=True)
class PrincipalActs:
    """What two operators bring about: registrations, the end of suspensions, longer roles."""

    state: State
    others: OtherIds

    def effects(self) -> list[Effect]:
        """Returns all of it, to be registered once."""
        return [
            self._effect(REGISTER, self._register, self._shown_registration, self._person),
            self._effect(ACTIVATE, self._activate, lambda each: f"make active again: {self._shown(each.subject)}"),
            self._effect(RENEW, self._renew, self._shown_renewal),
        ]

    def may_act(self, hand: Hand, now_ns: int) -> bool:
        """Whether a hand's principal is active, its role has not ended, and it belongs to that person still."""
        principal = self.state.principals.get(hand.principal)
        if principal is None or principal.person != hand.person:
            return False
        return self.state.is_active(principal) and not principal.has_lapsed(now_ns)

    def _effect(
        self,
        name: str,
        carry_out: Callable[[Unit, Proposal], Iterable[Any]],
        describe: Callable[[Proposal], str],
        interested: Callable[[Proposal], frozenset[bytes]] | None = None,
    ) -> Effect:
        return Effect(
            name=name,
            basis=self._basis,
            carry_out=lambda unit, proposal, hand: record_all(unit, carry_out(unit, proposal)),
            describe=describe,
            interested=interested or self._holder,
        )

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of the principal and of its platform; both count their changes."""
        concerned = (self.state.principals.get(each) for each in (proposal.subject, proposal.tenant))
        return sha256(plain.encode(list(concerned))).digest()

    def _register(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        by = proposal.proposer.principal
        return principals.register(self.state, self.others, registration(proposal), by, unit.now_ns)

    def _activate(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        return principals.activate(self.state, proposal.subject, proposal.proposer.principal)

    def _renew(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        by = proposal.proposer.principal
        return principals.renew(self.state, proposal.subject, _until_ns(proposal), by, unit.now_ns)

    def _holder(self, proposal: Proposal) -> frozenset[bytes]:
        """Returns the person whose principal it is about."""
        principal = self.state.principals.get(proposal.subject)
        return frozenset({principal.person} if principal else ())

    def _person(self, proposal: Proposal) -> frozenset[bytes]:
        """Returns the person who would have one more principal."""
        return frozenset({registration(proposal).person} - {b""})

    def _shown(self, principal_id: bytes) -> str:
        principal = self.state.principals.get(principal_id)
        return f"{principal.kind} {principal.name} ({show(principal_id)})" if principal else show(principal_id)

    def _shown_registration(self, proposal: Proposal) -> str:
        new = registration(proposal)
        parts = [f"register {new.kind} {new.name} ({show(new.id)})", f"key {new.public_key.hex()}"]
        if new.tenant:
            parts.append(f"of platform {show(new.tenant)}")
        if new.person:
            parts.append(f"of person {show(new.person)}")
        if new.until_ns:
            parts.append(f"until {new.until_ns} ns")
        return ", ".join(parts)

    def _shown_renewal(self, proposal: Proposal) -> str:
        return f"until {_until_ns(proposal)} ns: {self._shown(proposal.subject)}"


def registration(proposal: Proposal) -> NewPrincipal:
    """Returns the principal that a proposal would register."""
    return plain.decode(memoryview(proposal.payload), NewPrincipal)


def _until_ns(proposal: Proposal) -> int:
    return int.from_bytes(proposal.payload, "big")


@dataclass(frozen=True, slots=True)
class PrincipalCommands:
    """Proposes, confirms and suspends principals, and rotates their keys."""

    writer: GroupWriter
    state: State
    others: OtherIds
    proposals: Proposals

    async def bootstrap(self, first: Sequence[FirstPrincipal]) -> int:
        """Registers the first principals in one commit where there are none yet; returns how many were registered."""

        def register(unit: Unit) -> int:
            if self.state.principals:
                return 0
            for each in first:
                record_all(unit, principals.bootstrap(self.state, each, unit.now_ns))
            return len(first)

        return await self.writer.commit(register, weight=len(first) or 1)

    async def register(self, new: Sequence[Item[NewPrincipal]], caller: Caller) -> list[Answer]:
        """Proposes principals; returns an answer for each, APPROVAL_PENDING with the proposal's id where it waits."""

        def register(unit: Unit, each: NewPrincipal) -> Answer:
            principals.require_operator(self.state, caller.subject)
            if not principals.register(self.state, self.others, each, caller.subject, unit.now_ns):
                return Answer(DONE)
            self.proposals.sweep(unit)
            payload = plain.encode(each)
            for waiting in self.proposals.about(REGISTER, each.id):
                if waiting.payload != payload:
                    raise ExistsWithDifferentData
                return pending(waiting.id)
            return self._propose(unit, REGISTER, each.id, payload, caller, each.tenant)

        return await answer_each(self.writer, new, register)

    async def confirm(self, ids: Sequence[bytes], caller: Caller) -> list[Answer]:
        """Confirms what waits about principals, or proposes that a suspension end; returns an answer for each."""

        def confirm(unit: Unit, principal_id: bytes) -> Answer:
            principals.require_operator(self.state, caller.subject)
            self.proposals.sweep(unit)
            for waiting in self._registering_or_activating(principal_id):
                if waiting.effect == ACTIVATE and waiting.proposer.principal == caller.subject:
                    return pending(waiting.id)
                self.proposals.decide_within(unit, Decision(waiting.id, Verdict.CONFIRM), caller)
                return Answer(DONE)
            principal = principals.find(self.state, principal_id)
            if principal.status is Status.ACTIVE:
                return Answer(DONE)
            return self._propose(unit, ACTIVATE, principal_id, b"", caller, _platform(principal))

        return await answer_each(self.writer, ids, confirm)

    async def renew(self, ids: Sequence[bytes], until_ns: int, caller: Caller) -> list[Answer]:
        """Proposes that roles end at another time; returns an answer for each."""

        def renew(unit: Unit, principal_id: bytes) -> Answer:
            principals.require_operator(self.state, caller.subject)
            if not principals.renew(self.state, principal_id, until_ns, caller.subject, unit.now_ns):
                return Answer(DONE)
            tenant = _platform(self.state.principals[principal_id])
            return self._propose(unit, RENEW, principal_id, until_ns.to_bytes(8, "big"), caller, tenant)

        return await answer_each(self.writer, ids, renew)

    async def suspend(self, ids: Sequence[bytes], note: str, by: bytes) -> list[str]:
        """Stops principals, and voids what waits about them and from them; returns one reason per principal."""

        def suspend(unit: Unit, principal_id: bytes) -> str:
            principals.require_operator(self.state, by)
            principals.check_note(note)
            known = principal_id in self.state.principals
            refused = self.proposals.refuse_about(unit, principal_id, note, by)
            if known:
                record_all(unit, principals.suspend(self.state, principal_id, note, by))
                self.proposals.sweep(unit)
            elif not refused:
                raise PrincipalNotFound
            return DONE

        return await decide_each(self.writer, ids, suspend)

    async def rotate_key(self, principal: bytes, public_key: bytes, overlap_seconds: int) -> int:
        """Replaces the principal's own key; returns when the last older key ends, UTC nanoseconds.

        Raises InvalidArgument, PrincipalNotActive.
        """

        def rotate(unit: Unit) -> int:
            events = principals.rotate_key(self.state, principal, public_key, overlap_seconds, unit.now_ns)
            record_all(unit, events)
            return principals.older_keys_end_ns(self.state.principals[principal]) or unit.now_ns

        return await self.writer.commit(rotate)

    def _registering_or_activating(self, principal_id: bytes) -> list[Proposal]:
        return [*self.proposals.about(REGISTER, principal_id), *self.proposals.about(ACTIVATE, principal_id)]

    def _propose(
        self, unit: Unit, effect: str, subject: bytes, payload: bytes, caller: Caller, tenant: bytes
    ) -> Answer:
        made = self.proposals.propose(unit, effect, subject=subject, payload=payload, caller=caller, tenant=tenant)
        return pending(made)


def _platform(principal: Principal) -> bytes:
    """Returns the platform that a principal belongs to, empty for a platform itself and those above all."""
    return principal.tenant if principal.tenant not in (None, principal.id) else b""
