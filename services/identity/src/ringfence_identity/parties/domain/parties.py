"""Parties: registered by their platform, led through KYC by operators, erased for good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.writing.recent import LookedUp

from ringfence_identity.parties.domain import kyc
from ringfence_identity.parties.domain.errors import (
    IdentityNumberTaken,
    KycTransitionRefused,
    PartyNotFound,
    SubjectErased,
)
from ringfence_identity.parties.domain.events import (
    KycChanged,
    PartyAmended,
    PartyErased,
    PartyRegistered,
)
from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.parties.domain.state import Decided, Party, State, decision_key
from ringfence_identity.principals.queries import Actor, ExistsWithDifferentData, PrincipalQueries, check_note

SealPersonal = Callable[[int], dict[str, bytes]]
"""Seals the personal fields for the given version of the party's stream."""

HANDED_IN = "handed in by the platform"


@dataclass(frozen=True, slots=True)
class NewParty:
    """A party to register, sealed for `subject`.

    The keyed `identity_index` is different for every tenant, so it links nobody across them.
    """

    id: bytes
    subject: bytes
    kind: PartyKind
    identity_index: bytes
    digest: bytes
    seal: SealPersonal

    def __post_init__(self) -> None:
        """Raises InvalidArgument for an id that is none."""
        if len(self.id) != ID_BYTES or self.id == ZERO_ID:
            raise InvalidArgument("id must be 16 bytes, not all zero", field="id")


@dataclass(frozen=True, slots=True)
class KycDecision:
    """What an operator decides about a party; a decision with an `id` is made once, whatever came after it."""

    tenant: bytes
    party: bytes
    to: KycState
    note: str
    id: bytes = b""

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.id) not in (0, ID_BYTES):
            raise InvalidArgument("id must be 16 bytes or absent", field="id")
        check_note(self.note)

    @property
    def key(self) -> bytes:
        """What a decision with an id is known by, empty for one without."""
        return decision_key(self.tenant, self.id) if self.id else b""


def register(
    state: State, principals: PrincipalQueries, new: NewParty, actor: Actor
) -> list[PartyRegistered | PartyAmended | KycChanged]:
    """Registers a party and hands it in for KYC; the same again changes nothing.

    Other data under the same id counts as handed in anew where KYC was refused or has expired, else it is refused.
    Raises TenantNotFound, SubjectErased, ExistsWithDifferentData, IdentityNumberTaken.
    """
    tenant = actor.tenant or b""
    principals.require_tenant(tenant)
    party = state.parties.get(new.subject)
    if party is None:
        return _first(state, new, tenant, actor.subject)
    if party.erased:
        raise SubjectErased
    if (party.kind, party.digest) == (new.kind, new.digest):
        return []
    if not kyc.is_listed(party.kyc, KycState.SUBMITTED):
        raise ExistsWithDifferentData
    return _again(state, party, new, actor.subject)


def _first(state: State, new: NewParty, tenant: bytes, by: bytes) -> list[PartyRegistered | PartyAmended | KycChanged]:
    _require_free_number(state, new)
    registered = PartyRegistered(tenant, new.id, new.kind, new.seal(1), new.identity_index, new.digest, by)
    return [
        registered,
        KycChanged(tenant, new.id, KycState.NOT_STARTED, KycState.SUBMITTED, HANDED_IN, b"", by),
    ]


def _again(state: State, party: Party, new: NewParty, by: bytes) -> list[PartyRegistered | PartyAmended | KycChanged]:
    _require_free_number(state, new)
    personal = new.seal(party.version + 1)
    return [
        PartyAmended(party.tenant, new.id, new.kind, personal, new.identity_index, new.digest, by),
        KycChanged(party.tenant, new.id, party.kyc, KycState.SUBMITTED, HANDED_IN, b"", by),
    ]


def _require_free_number(state: State, new: NewParty) -> None:
    if state.identity_numbers.get(new.identity_index, new.subject) != new.subject:
        raise IdentityNumberTaken


def decide_kyc(
    state: State, principals: PrincipalQueries, decision: KycDecision, by: bytes, table: LookedUp[Decided]
) -> list[KycChanged]:
    """Moves a party through KYC. Nothing happens when it stands there already, or the decision was made before.

    The way out of BLOCKED takes two operators (`needs_two_people`). `table` is what was looked up of decisions that
    have left memory. Raises OperatorRequired, PartyNotFound, SubjectErased, ExistsWithDifferentData,
    KycTransitionRefused.
    """
    principals.require_operator(by)
    party = find(state, decision.tenant, decision.party)
    made = state.decision(decision.key, table)
    if made not in (None, Decided(decision.party, decision.to)):
        raise ExistsWithDifferentData
    if made is not None or party.kyc is decision.to:
        return []
    if not kyc.is_listed(party.kyc, decision.to):
        raise KycTransitionRefused(**{"from": party.kyc, "to": decision.to})
    findings = b"".join(state.findings.get(party.id, ()))
    return [KycChanged(party.tenant, decision.party, party.kyc, decision.to, decision.note, decision.id, by, findings)]


def needs_two_people(decided: Sequence[KycChanged]) -> bool:
    """Whether what was decided is for two operators: it is proposed, and another confirms it."""
    return any(kyc.needs_two_people(each.before, each.after) for each in decided)


def erase(state: State, principals: PrincipalQueries, tenant: bytes, party_id: bytes, by: bytes) -> list[PartyErased]:
    """Lays the tombstone of a party. Idempotent. Raises OperatorRequired, PartyNotFound."""
    principals.require_operator(by)
    party = _of_tenant(state, tenant, party_id)
    return [] if party.erased else [PartyErased(tenant, party_id, by)]


def subject_of(state: State, principals: PrincipalQueries, tenant: bytes, party_id: bytes) -> bytes:
    """Returns the subject of a tenant's party; ids of principals are taken, and no tenant learns that either."""
    return state.subject_of(tenant, party_id, taken=principals.is_known(party_id))


def find(state: State, tenant: bytes, party_id: bytes) -> Party:
    """Returns a party of this tenant; raises PartyNotFound, also for another tenant's, and SubjectErased."""
    party = _of_tenant(state, tenant, party_id)
    if party.erased:
        raise SubjectErased
    return party


def _of_tenant(state: State, tenant: bytes, party_id: bytes) -> Party:
    party = state.parties.get(state.subject_of(tenant, party_id))
    if party is None or party.tenant != tenant:
        raise PartyNotFound
    return party
