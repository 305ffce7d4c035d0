"""Beneficial owners of companies: recorded as a whole, in exact shares."""

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_identity.parties.domain.errors import NotACompany
from ringfence_identity.parties.domain.events import OwnersRecorded
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.parties.domain.parties import find
from ringfence_identity.parties.domain.state import Owners, State
from ringfence_identity.principals.queries import Actor, PrincipalQueries

SealOwners = Callable[[int], dict[str, bytes]]
"""Seals all fields of all owners for the given version of the company's stream."""


@dataclass(frozen=True, slots=True)
class NewOwners:
    """All owners of one company; `digest` is a hash of them, keyed by the company's data key."""

    party: bytes
    count: int
    digest: bytes
    seal: SealOwners


def record(state: State, principals: PrincipalQueries, new: NewOwners, actor: Actor) -> list[OwnersRecorded]:
    """Records owners in place of those before; the same again changes nothing.

    Raises TenantNotFound, PartyNotFound, SubjectErased, NotACompany.
    """
    tenant = actor.tenant or b""
    principals.require_tenant(tenant)
    party = find(state, tenant, new.party)
    if party.kind is not PartyKind.COMPANY:
        raise NotACompany
    before = state.owners.get(party.id, Owners())
    if before.digest == new.digest:
        return []
    personal = new.seal(party.version + 1)
    return [OwnersRecorded(tenant, new.party, before.number + 1, new.count, personal, new.digest, actor.subject)]
