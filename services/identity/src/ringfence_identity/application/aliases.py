"""Handlers of the methods about aliases."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.sealing.envelopes import AssociatedData, seal
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.application.batches import Item, commit, commit_each
from ringfence_identity.application.personal import compact_iban, iban_index
from ringfence_identity.application.ports import SubjectKey, SubjectKeys
from ringfence_identity.domain import aliases
from ringfence_identity.domain.aliases import NewAlias
from ringfence_identity.domain.errors import IbanInvalid, SubjectErased
from ringfence_identity.domain.principals import require_tenant
from ringfence_identity.domain.state import Actor, Alias, State


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
    keys: SubjectKeys

    async def register(self, tenant: bytes, requests: Sequence[Item[AliasRequest]], actor: Actor) -> list[str]:
        """Returns one reason per alias; the IBAN is sealed under its owner's key. Raises TenantNotFound."""
        require_tenant(self.state, tenant if actor.tenant in (None, tenant) else b"")
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
        return await commit_each(self.writer, items, lambda new: aliases.register(self.state, new, actor))

    def _is_subject(self, owner: bytes, tenant: bytes) -> bool:
        party = self.state.parties.get(owner)
        return owner == tenant if party is None else party.tenant == tenant

    async def resolve(self, ibans: Sequence[str]) -> list[Alias | None]:
        """Returns what each IBAN stands for, None where nobody registered it or it is none."""
        blind_key = await self.keys.blind_index_key()
        indexes = [_index(blind_key, iban) for iban in ibans]

        def find(unit: Unit) -> list[Alias | None]:
            return [self.state.aliases.get(index) for index in indexes]

        found: list[Alias | None] = await commit(self.writer, find)
        return found


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
