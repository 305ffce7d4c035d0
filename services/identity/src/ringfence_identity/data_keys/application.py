"""Hands data keys to the services that seal personal fields of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_identity.domain.state import State
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.tokens.application.ports import SubjectKey, SubjectKeys


@dataclass(frozen=True, slots=True)
class DataKeyQueries:
    """Answers which keys a workload asked for."""

    state: State
    keys: SubjectKeys

    async def fetch(self, subjects: Sequence[bytes], *, create: bool) -> tuple[list[SubjectKey], bytes]:
        """Returns one key per subject and the blind index key.

        A key is made only for a party or a tenant that is registered; an unknown subject has an empty key, an erased
        one a destroyed key. Raises VaultUnavailable, StoreUnavailable.
        """
        known = {subject for subject in subjects if self._is_known(subject)}
        keys = await self.keys.fetch(sorted(known), create=create)
        return [self._of(subject, keys) for subject in subjects], await self.keys.blind_index_key()

    def _is_known(self, subject: bytes) -> bool:
        party = self.state.parties.get(subject)
        if party is not None:
            return not party.erased
        principal = self.state.principals.get(subject)
        return principal is not None and principal.kind is Kind.PLATFORM

    def _of(self, subject: bytes, keys: dict[bytes, SubjectKey]) -> SubjectKey:
        party = self.state.parties.get(subject)
        if party is not None and party.erased:
            return SubjectKey(destroyed=True)
        return keys.get(subject, SubjectKey())
