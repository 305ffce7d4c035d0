"""Handlers of the methods about aliases."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.sealing.envelopes import AssociatedData, seal
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.aliases.application.ibans import compact_iban, iban_index
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import NewAlias
from ringfence_identity.aliases.domain.errors import IbanInvalid
from ringfence_identity.aliases.domain.state import REGISTERED_VERSION, Alias, State
from ringfence_identity.batches import DONE, Item, decide_each, record_all
from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.queries import PartyQueries, SubjectErased
from ringfence_identity.principals.queries import Actor, PrincipalQueries


@dataclass(frozen=True, slots=True)
class AliasRequest:
    """An alias to register, its IBAN compact and in clear."""

    iban: str
    account: bytes
    owner: bytes
    bank_mirror: bool
    bank_feed: bytes = b""


@dataclass(frozen=True, slots=True)
class AliasCommands:
    """Registers and resolves aliases."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    parties: PartyQueries
    keys: SubjectKeys

    async def register(self, tenant: bytes, requests: Sequence[Item[AliasRequest]], actor: Actor) -> list[str]:
        """Returns one reason per alias; the IBAN is sealed under its owner's key. Raises TenantNotFound."""
        self.principals.require_tenant(tenant if actor.tenant in (None, tenant) else b"")
        owners = {each.owner for each in requests if not isinstance(each, DomainError)}
        known = [owner for owner in owners if self._is_subject(owner, tenant)]
        keys = await self.keys.fetch(known, create=True)
        blind_key = await self.keys.blind_index_key()
        items = [
            each
            if isinstance(each, DomainError)
            else _sealable(each, tenant, keys.get(each.owner, SubjectKey()), blind_key)
            for each in requests
        ]

        def register(unit: Unit, new: NewAlias) -> str:
            record_all(unit, aliases.register(self.state, self.principals, self.parties, new, actor))
            return DONE

        return await decide_each(self.writer, items, register)

    def remove_all(self, unit: Unit, tenant: bytes, owner: bytes, by: bytes) -> None:
        """Records that every alias of this owner stands for nothing any more."""
        for event in aliases.remove_all(self.state, tenant, owner, by):
            unit.resume(event.stream, REGISTERED_VERSION)
            unit.record(event.stream, event)

    def _is_subject(self, owner: bytes, tenant: bytes) -> bool:
        return (self.parties.tenant_of(owner) or owner) == tenant

    async def resolve(self, ibans: Sequence[str]) -> list[Alias | None]:
        """Returns what each IBAN stands for, None where nobody registered it or it is none."""
        blind_key = await self.keys.blind_index_key()
        indexes = [_index(blind_key, iban) for iban in ibans]

        def find(unit: Unit) -> list[Alias | None]:
            return [self.state.aliases.get(index) for index in indexes]

        return await self.writer.commit(find)


def _index(blind_key: bytes, iban: str) -> bytes:
    try:
        return iban_index(blind_key, compact_iban(iban))
    except IbanInvalid:
        return b""


def _sealable(request: AliasRequest, tenant: bytes, key: SubjectKey, blind_key: bytes) -> NewAlias | DomainError:
    def seal_iban(stream: bytes, version: int) -> bytes:
        if not key.key:
            raise SubjectErased
        return seal(key.key, request.iban.encode(), AssociatedData(stream, version, "iban"))

    index = iban_index(blind_key, request.iban)
    try:
        return NewAlias(
            tenant, request.account, request.owner, request.bank_mirror, index, seal_iban, request.bank_feed
        )
    except DomainError as refusal:
        return refusal
