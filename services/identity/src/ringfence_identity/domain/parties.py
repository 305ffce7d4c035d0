"""Parties: registered by their platform, led through KYC by operators, erased for good."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.writing.journal import Journal

from ringfence_identity.domain import kyc
from ringfence_identity.domain.errors import (
    ExistsWithDifferentData,
    IdentityNumberTaken,
    KycTransitionRefused,
    PartyNotFound,
    SubjectErased,
)
from ringfence_identity.domain.events import (
    AliasRemoved,
    KycChanged,
    KycReleaseProposed,
    PartyAmended,
    PartyErased,
    PartyRegistered,
)
from ringfence_identity.domain.kyc import KycState, PartyKind
from ringfence_identity.domain.principals import check_note, require_operator, require_tenant
from ringfence_identity.domain.state import Actor, Party, State

SealPersonal = Callable[[int], dict[str, bytes]]
"""Seals the personal fields for the given version of the party's stream."""

HANDED_IN = "handed in by the platform"


@dataclass(frozen=True, slots=True)
class NewParty:
    """A party to register. The keyed `identity_index` is different for every tenant, so it links nobody across them."""

    id: bytes
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


def register(state: State, new: NewParty, actor: Actor) -> list[PartyRegistered | PartyAmended | KycChanged]:
    """Registers a party and hands it in for KYC; the same again changes nothing.

    Other data under the same id counts as handed in anew where KYC was refused or has expired, else it is refused.
    Raises TenantNotFound, SubjectErased, ExistsWithDifferentData, IdentityNumberTaken.
    """
    tenant = actor.tenant or b""
    require_tenant(state, tenant)
    party = state.parties.get(new.id)
    if party is None:
        if new.id in state.principals:
            raise ExistsWithDifferentData
        return _first(state, new, tenant, actor.subject)
    if party.tenant != tenant:
        raise ExistsWithDifferentData
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
        PartyAmended(party.tenant, party.id, new.kind, personal, new.identity_index, new.digest, by),
        KycChanged(party.tenant, party.id, party.kyc, KycState.SUBMITTED, HANDED_IN, b"", by),
    ]


def _require_free_number(state: State, new: NewParty) -> None:
    if state.identity_numbers.get(new.identity_index, new.id) != new.id:
        raise IdentityNumberTaken


def decide_kyc(state: State, decision: KycDecision, by: bytes) -> list[KycChanged | KycReleaseProposed]:
    """Moves a party through KYC. Nothing happens when it stands there already, or the decision was made before.

    The way out of BLOCKED takes two operators: the first call proposes, another operator's call confirms. Raises
    OperatorRequired, PartyNotFound, SubjectErased, ExistsWithDifferentData, KycTransitionRefused.
    """
    require_operator(state, by)
    party = find(state, decision.tenant, decision.party)
    made = state.kyc_decisions.get(decision.tenant + decision.id)
    if made not in (None, (decision.party, decision.to)):
        raise ExistsWithDifferentData
    if made is not None or party.kyc is decision.to:
        return []
    if not kyc.is_listed(party.kyc, decision.to):
        raise KycTransitionRefused(**{"from": party.kyc, "to": decision.to})
    if kyc.needs_two_people(party.kyc, decision.to):
        if not party.release_proposed_by:
            return [KycReleaseProposed(party.tenant, party.id, decision.note, decision.id, by)]
        if party.release_proposed_by == by:
            return []
    return [KycChanged(party.tenant, party.id, party.kyc, decision.to, decision.note, decision.id, by)]


def awaits_second_person(state: State, decision: KycDecision) -> bool:
    """Whether the decision stands as a proposal that another operator has yet to confirm."""
    party = state.parties[decision.party]
    return bool(party.release_proposed_by) and kyc.needs_two_people(party.kyc, decision.to)


def erase(state: State, tenant: bytes, party_id: bytes, by: bytes) -> list[AliasRemoved | PartyErased]:
    """Lays the tombstone of a party; its aliases go first. Idempotent. Raises OperatorRequired, PartyNotFound."""
    require_operator(state, by)
    party = _of_tenant(state, tenant, party_id)
    if party.erased:
        return []
    removed = [AliasRemoved(tenant, party_id, index, by) for index in state.aliases_of.get(party_id, ())]
    return [*removed, PartyErased(tenant, party_id, by)]


def find(state: State, tenant: bytes, party_id: bytes) -> Party:
    """Returns a party of this tenant; raises PartyNotFound, also for another tenant's, and SubjectErased."""
    party = _of_tenant(state, tenant, party_id)
    if party.erased:
        raise SubjectErased
    return party


def _of_tenant(state: State, tenant: bytes, party_id: bytes) -> Party:
    party = state.parties.get(party_id)
    if party is None or party.tenant != tenant:
        raise PartyNotFound
    return party


def apply_registered(state: State, event: PartyRegistered, version: int, journal: Journal) -> None:
    """Takes in a new party."""
    party = Party(
        id=event.party,
        tenant=event.tenant,
        kind=event.kind,
        personal=event.personal,
        personal_version=version,
        identity_index=event.identity_index,
        digest=event.digest,
        version=version,
    )
    journal.put(state.parties, event.party, party)
    journal.put(state.identity_numbers, event.identity_index, event.party)


def apply_amended(state: State, event: PartyAmended, version: int, journal: Journal) -> None:
    """Replaces the personal data."""
    party = state.parties[event.party]
    journal.remove(state.identity_numbers, party.identity_index)
    journal.put(state.identity_numbers, event.identity_index, event.party)
    amended = replace(
        party,
        kind=event.kind,
        personal=event.personal,
        personal_version=version,
        identity_index=event.identity_index,
        digest=event.digest,
        version=version,
    )
    journal.put(state.parties, event.party, amended)


def apply_kyc_changed(state: State, event: KycChanged, version: int, journal: Journal) -> None:
    """Moves the party, and drops a proposal that was confirmed or overtaken."""
    party = state.parties[event.party]
    journal.put(state.parties, event.party, replace(party, kyc=event.after, release_proposed_by=b"", version=version))
    _remember_decision(state, event.tenant, event.decision, event.party, event.after, journal)


def apply_release_proposed(state: State, event: KycReleaseProposed, version: int, journal: Journal) -> None:
    """Remembers who proposed."""
    party = state.parties[event.party]
    journal.put(state.parties, event.party, replace(party, release_proposed_by=event.by, version=version))
    _remember_decision(state, event.tenant, event.decision, event.party, KycState.REVIEW, journal)


def apply_erased(state: State, event: PartyErased, version: int, journal: Journal) -> None:
    """Keeps the id and the state, and forgets everything personal."""
    party = state.parties[event.party]
    journal.remove(state.identity_numbers, party.identity_index)
    erased = replace(party, personal={}, identity_index=b"", digest=b"", version=version, erased=True)
    journal.put(state.parties, event.party, erased)


def _remember_decision(
    state: State, tenant: bytes, decision: bytes, party: bytes, to: KycState, journal: Journal
) -> None:
    if decision:
        journal.put(state.kyc_decisions, tenant + decision, (party, to))
