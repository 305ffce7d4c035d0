"""Hands data keys to the services that seal personal fields of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys


class Parties(Protocol):
    """Which parties there are."""

    def is_known(self, party: bytes) -> bool:
        """Whether a party has this id, erased or not."""

    def is_erased(self, party: bytes) -> bool:
        """Whether a party with this id was erased."""


class Platforms(Protocol):
    """Which tenants there are."""

    def is_platform(self, principal: bytes) -> bool:
        """Whether a platform has this id, active or not."""


@dataclass(frozen=True, slots=True)
class DataKeyQueries:
    """Answers which keys a workload asked for."""

    parties: Parties
    platforms: Platforms
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
        if self.parties.is_erased(subject):
            return False
        return self.parties.is_known(subject) or self.platforms.is_platform(subject)

    def _of(self, subject: bytes, keys: dict[bytes, SubjectKey]) -> SubjectKey:
        if self.parties.is_erased(subject):
            return SubjectKey(destroyed=True)
        return keys.get(subject, SubjectKey())
