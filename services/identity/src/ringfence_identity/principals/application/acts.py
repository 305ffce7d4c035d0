"""What two operators bring about: registrations, the end of suspensions, longer roles (ADR 0020), pins (0028)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.batches import record_all
from ringfence_identity.principals.application.granting import shown_grant
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.principals import NewPin, NewPrincipal, OtherIds
from ringfence_identity.principals.domain.roles import READING_KINDS
from ringfence_identity.principals.domain.state import Principal, State

REGISTER = "identity.RegisterPrincipal"
ACTIVATE = "identity.ActivatePrincipal"
RENEW = "identity.RenewGrant"
PIN = "identity.PinCertificate"


@dataclass(frozen=True, slots=True)
class PrincipalActs:
    """What two operators bring about: registrations, the end of suspensions, longer roles, pinned certificates."""

    state: State
    others: OtherIds

    def effects(self) -> list[Effect]:
        """Returns all of it, to be registered once."""
        return [
            self._effect(REGISTER, self._register, self._shown_registration, self._person),
            self._effect(ACTIVATE, self._activate, lambda each: f"make active again: {self._shown(each.subject)}"),
            self._effect(RENEW, self._renew, self._shown_renewal),
            replace(self._effect(PIN, self._pin, self._shown_pin), basis=self._basis_of_pin, disowns=True),
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

    def _basis_of_pin(self, proposal: Proposal) -> bytes:
        """Returns the same, but for the keys of the platform, and of the principal where the pin names another one.

        A key that is replaced by its holder, who may be a thief, voids no such pin. What else there and back would be a
        change: a suspension voids whatever waits about its principal, and the time of a role concerns no pin.
        """
        principal, platform = (self.state.principals.get(each) for each in (proposal.subject, proposal.tenant))
        concerned = [_without_keys(principal) if new_pin(proposal).public_key else principal, _without_keys(platform)]
        return sha256(plain.encode(concerned)).digest()

    def _register(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        by = proposal.proposer.principal
        new = registration(proposal)
        return principals.register(self.state, self.others, new, by, unit.now_ns, proposal.id)

    def _activate(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        return principals.activate(self.state, proposal.subject, proposal.proposer.principal)

    def _renew(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        by = proposal.proposer.principal
        return principals.renew(self.state, proposal.subject, _until_ns(proposal), by, unit.now_ns)

    def _pin(self, unit: Unit, proposal: Proposal) -> Iterable[Any]:
        return principals.pin(self.state, new_pin(proposal), proposal.proposer.principal)

    def _holder(self, proposal: Proposal) -> frozenset[bytes]:
        """Returns the person whose principal it is about."""
        principal = self.state.principals.get(proposal.subject)
        return frozenset({principal.person} if principal else ())

    def _person(self, proposal: Proposal) -> frozenset[bytes]:
        """Returns the person who would have one more principal."""
        return frozenset({registration(proposal).person} - {b""})

    def _shown(self, principal_id: bytes) -> str:
        principal = self.state.principals.get(principal_id)
        if principal is None:
            return show(principal_id)
        keys = ", ".join(f"SHA-256 of key {sha256(each.public).hexdigest()}" for each in principal.keys)
        named = f"{principal.status} {principal.kind} {principal.name} ({show(principal_id)}), {keys}"
        named += f", {_certificate(principal.certificate_sha256)}"
        return named + _belonging(principal.tenant, principal.person)

    def _shown_registration(self, proposal: Proposal) -> str:
        new = registration(proposal)
        key = f"{_key(new.public_key)}, {_certificate(new.certificate_sha256)}"
        until = f", until {new.until_ns} ns" if new.until_ns else ""
        belonging = _belonging(new.tenant, new.person)
        reading = f", to read {shown_grant(new.grant)}" if new.kind in READING_KINDS else ""
        return f"register {new.kind} {new.name} ({show(new.id)}), {key}{belonging}{until}{reading}"

    def _shown_pin(self, proposal: Proposal) -> str:
        new = new_pin(proposal)
        key = f", {_key(new.public_key)} and no other" if new.public_key else ""
        return f"act by {_certificate(new.certificate_sha256)} alone{key}: {self._shown(proposal.subject)}"

    def _shown_renewal(self, proposal: Proposal) -> str:
        return f"until {_until_ns(proposal)} ns: {self._shown(proposal.subject)}"


def _without_keys(principal: Principal | None) -> Principal | None:
    return replace(principal, keys=(), until_ns=0, changes=0) if principal else None


def _key(public: bytes) -> str:
    return f"key {public.hex()}, SHA-256 of key {sha256(public).hexdigest()}"


def _certificate(certificate_sha256: bytes) -> str:
    return f"certificate with SHA-256 {certificate_sha256.hex()}" if certificate_sha256 else "no certificate"


def _belonging(tenant: bytes | None, person: bytes) -> str:
    platform = f", of platform {show(tenant)}" if tenant else ""
    return platform + (f", of person {show(person)}" if person else "")


def registration(proposal: Proposal) -> NewPrincipal:
    """Returns the principal that a proposal would register."""
    return plain.decode(memoryview(proposal.payload), NewPrincipal)


def new_pin(proposal: Proposal) -> NewPin:
    """Returns the certificate that a proposal would pin."""
    return plain.decode(memoryview(proposal.payload), NewPin)


def _until_ns(proposal: Proposal) -> int:
    return int.from_bytes(proposal.payload, "big")
