"""What siblings may ask about parties: the one way into this module for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_identity.parties.application.reading import ReadParty
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.errors import PartyNotFound, SubjectErased
from ringfence_identity.parties.domain.events import OwnersRecorded, PartyAmended, PartyRegistered
from ringfence_identity.parties.domain.state import Party, State

__all__ = ["NAMING_TOPICS", "Party", "PartyNotFound", "PartyQueries", "ReadParty", "Reading", "SubjectErased"]

NAMING_TOPICS = frozenset({PartyRegistered.TOPIC, PartyAmended.TOPIC, OwnersRecorded.TOPIC})
"""Events that bring names and identity numbers, sealed."""


class Reading(Protocol):
    """Reads parties with their personal data, and companies with their owners."""

    async def get(self, asked: Sequence[tuple[bytes, bytes]]) -> list[ReadParty | None]:
        """Returns the party of each tenant and id, None where there is none; raises VaultUnavailable."""


@dataclass(frozen=True, slots=True)
class PartyQueries:
    """Answers from the state as it is decided so far, so that pure decisions may ask."""

    state: State

    def is_known(self, party: bytes) -> bool:
        """Whether a party has this id, erased or not."""
        return party in self.state.parties

    def is_erased(self, party: bytes) -> bool:
        """Whether a party with this id was erased."""
        return party in self.state.erased

    def tenant_of(self, party: bytes) -> bytes | None:
        """Returns the tenant of a party, or None."""
        found = self.state.parties.get(party)
        return None if found is None else found.tenant

    def find(self, tenant: bytes, party: bytes) -> Party:
        """Returns a party of this tenant; raises PartyNotFound, SubjectErased."""
        return parties.find(self.state, tenant, party)

    def subject_of(self, tenant: bytes, party: bytes) -> bytes:
        """Returns the subject of a tenant's party: the name of its data key and of its stream."""
        return self.state.subject_of(tenant, party)

    def all_ids(self) -> Iterator[bytes]:
        """Yields the id of every party."""
        return iter(self.state.parties)

    def erased_ids(self) -> Iterator[bytes]:
        """Yields the id of every party that was erased."""
        return iter(self.state.erased)
