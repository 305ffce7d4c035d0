"""Reads parties with their personal data, and companies with their owners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.service.threads import computed
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.application.owners import Owner, opened_owners
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.application.ports import SealedAt, SealedPersonal
from ringfence_identity.parties.domain.state import Owners, Party, State
from ringfence_identity.principals.queries import PrincipalQueries

FEW_OPENED = 32
"""So many parties are opened in half a millisecond."""


@dataclass(frozen=True, slots=True)
class ReadParty:
    """A party as read, under the `id` that its tenant gave it; nothing is left of an erased one but the fact."""

    id: bytes
    party: Party
    personal: PersonalData | None
    owners: Sequence[Owner] = ()
    owners_version: int = 0


@dataclass(frozen=True, slots=True)
class PartyReading:
    """Reads parties."""

    writer: GroupWriter
    state: State
    keys: SubjectKeys
    personal: SealedPersonal

    async def get(self, asked: Sequence[tuple[bytes, bytes]]) -> list[ReadParty | None]:
        """Returns the party of each tenant and id, None where there is none; raises VaultUnavailable."""

        def find() -> list[tuple[Party, Owners] | None]:
            return [self._find(tenant, party) for tenant, party in asked]

        streams = (stream for key in asked for stream in self.state.streams_of(*key))
        found = await self.writer.read(streams, find)
        living = [each for each in found if each is not None and not each[0].erased]
        keys = await self.keys.fetch([party.id for party, _ in living], create=False)
        sealed_at = [(party.id, party.personal_version) for party, _ in living]
        sealed_at += [(party.id, owners.version) for party, owners in living if owners.number]
        sealed = await self.personal.read(sealed_at)

        def opened() -> list[ReadParty | None]:
            return [
                None if each is None else _opened(identifier, *each, keys.get(each[0].id, SubjectKey()), sealed)
                for (_, identifier), each in zip(asked, found, strict=True)
            ]

        return await computed(len(asked), opened, few=FEW_OPENED)

    def _find(self, tenant: bytes, identifier: bytes) -> tuple[Party, Owners] | None:
        party = self.state.parties.get(self.state.subject_of(tenant, identifier))
        if party is None or party.tenant != tenant:
            return None
        return party, self.state.owners.get(party.id, Owners())


@dataclass(frozen=True, slots=True)
class RegisteredNames:
    """Tells what owners of accounts are called: parties, and platforms as owners of their own."""

    principals: PrincipalQueries
    reading: PartyReading

    async def names(self, owners: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Returns the registered name of each tenant and subject, empty where it is erased; raises VaultUnavailable."""
        read = await self.reading.get([pair for pair in owners if pair[0] != pair[1]])
        of_parties = iter(read)
        return [
            _name_of(next(of_parties)) if tenant != owner else self.principals.find(tenant).name
            for tenant, owner in owners
        ]

    def of_platform(self, tenant: bytes) -> str:
        """Returns the registered name of a platform, empty where there is none."""
        found = self.principals.get(tenant)
        return found.name if found is not None else ""


def _name_of(read: ReadParty | None) -> str:
    return read.personal.name if read is not None and read.personal is not None else ""


def _opened(
    identifier: bytes, party: Party, owners: Owners, key: SubjectKey, sealed: Mapping[SealedAt, dict[str, bytes]]
) -> ReadParty:
    if party.erased or not key.key:
        return ReadParty(identifier, party, None)
    version = party.personal_version
    personal = PersonalData.opened(key.key, party.id, version, sealed.get((party.id, version), {}))
    of_owners = sealed.get((party.id, owners.version), {}) if owners.number else {}
    opened = opened_owners(key.key, party.id, owners.version, of_owners)
    return ReadParty(identifier, party, personal, opened, owners.number)
