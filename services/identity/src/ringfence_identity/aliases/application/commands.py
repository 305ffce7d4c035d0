"""Handlers of the methods about aliases."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.sealing.envelopes import AssociatedData, seal
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.deciding import InSteps, Steps
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.aliases.application.ibans import compact_iban, iban_index
from ringfence_identity.aliases.application.ports import AccountOwner, Accounts
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import NewAlias
from ringfence_identity.aliases.domain.errors import AccountNotOwned, IbanInvalid
from ringfence_identity.aliases.domain.events import AliasRegistered, alias_stream
from ringfence_identity.aliases.domain.state import Alias, State
from ringfence_identity.batches import APPROVAL_PENDING, DONE, Item, deciding, prepare_each
from ringfence_identity.data_keys.commands import SubjectKey, SubjectKeys
from ringfence_identity.parties.queries import PartyQueries, SubjectErased
from ringfence_identity.principals.queries import Actor, PrincipalQueries

PENDING = "PENDING"
"""Not a refusal: the claim is recorded, and waits for the bank's word or for two people."""
FIRST_VERSION = 1
CLIENT, PLATFORM, BANK_MIRROR = "CLIENT", "PLATFORM", "BANK_MIRROR"


@dataclass(frozen=True, slots=True)
class AliasRequest:
    """An alias to register, its IBAN compact and in clear; `owner` is a party's id, or the tenant."""

    iban: str
    account: bytes
    owner: bytes
    bank_mirror: bool
    bank_feed: bytes = b""


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of each alias, and the proposal that the bank mirrors among them wait in."""

    reasons: list[str]
    proposal: bytes = b""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an IBAN stands for; `erased_of` is the tenant whose erased client's it was, and it stays his."""

    alias: Alias | None = None
    erased_of: bytes = b""


@dataclass(frozen=True, slots=True)
class AliasCommands:
    """Registers and resolves aliases."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    parties: PartyQueries
    keys: SubjectKeys
    accounts: Accounts
    acts: AliasActs

    async def register(self, tenant: bytes, requests: Sequence[Item[AliasRequest]], caller: Caller) -> Registered:
        """Claims IBANs, and proposes bank mirrors; an IBAN is sealed under its owner's key.

        Raises TenantNotFound, VaultUnavailable, PeerUnavailable where custody cannot tell whose the accounts are.
        """
        actor = Actor(caller.subject, caller.tenant)
        self.principals.require_tenant(tenant if actor.tenant in (None, tenant) else b"")
        readable = [each for each in requests if not isinstance(each, DomainError)]
        subjects = {each.owner: self._subject(tenant, each.owner) for each in readable}
        known = sorted({subject for subject in subjects.values() if self._is_subject(subject, tenant)})
        keys = await self.keys.fetch(known, create=True)
        blind_key = await self.keys.blind_index_key()
        owners = await self.accounts.owners(tenant, sorted({each.account for each in readable}))

        def sealable(each: AliasRequest) -> NewAlias:
            subject = subjects[each.owner]
            return _sealable(each, tenant, subject, keys.get(subject, SubjectKey()), blind_key)

        items = await prepare_each(requests, sealable)
        claims = _Deciding(self, actor, owners)

        def register(unit: Unit) -> Steps[Registered]:
            claims.mirrors.clear()
            reasons = yield from deciding(unit, items, claims.decide)
            proposal = self.acts.propose_mirrors(unit, tenant, claims.mirrors, caller)
            return Registered(reasons, proposal)

        return await self.writer.commit(InSteps(register), weight=len(items))

    def remove_all(self, unit: Unit, tenant: bytes, owner: bytes, by: bytes) -> None:
        """Records that every alias and claim of this owner stands for nothing any more, and stays taken."""
        self.record(unit, aliases.remove_all(self.state, tenant, owner, by))

    def kept_of(self, owner: bytes) -> Iterator[bytes]:
        """Yields the indexes of the IBANs that stay this owner's, who is erased."""
        return self.state.kept_of(owner)

    def retire(self, unit: Unit, tenant: bytes, owner: bytes, iban_indexes: Sequence[bytes], by: bytes) -> None:
        """Records that these IBANs of an owner stay taken, where nothing is known of them any more."""
        self.record(unit, aliases.retire(self.state, tenant, owner, iban_indexes, by))

    def record(self, unit: Unit, events: Iterable[Any]) -> None:
        """Records events of aliases, each after the version that its row tells."""
        self.acts.record(unit, events)

    def _erased_of(self, iban_index: bytes) -> bytes:
        kept = self.state.retired.get(iban_index)
        return kept.tenant if kept else b""

    def _subject(self, tenant: bytes, owner: bytes) -> bytes:
        return tenant if owner == tenant else self.parties.subject_of(tenant, owner)

    def _is_subject(self, subject: bytes, tenant: bytes) -> bool:
        return (self.parties.tenant_of(subject) or subject) == tenant

    async def resolve(self, ibans: Sequence[str]) -> list[Resolved]:
        """Returns what each IBAN stands for; nothing where it is nobody's, only claimed, or none."""
        blind_key = await self.keys.blind_index_key()
        indexes = [_index(blind_key, iban) for iban in ibans]

        def find(unit: Unit) -> list[Resolved]:
            return [Resolved(self.state.aliases.get(each), self._erased_of(each)) for each in indexes]

        return await self.writer.commit(find)


@dataclass(frozen=True, slots=True)
class _Deciding:
    """Decides the aliases of one call: claims are recorded at once, mirrors are kept for a second operator."""

    commands: AliasCommands
    actor: Actor
    owners: dict[bytes, AccountOwner]
    mirrors: list[AliasRegistered] = field(default_factory=list)

    def decide(self, unit: Unit, new: NewAlias) -> str:
        """Returns the reason of one alias."""
        commands, state = self.commands, self.commands.state
        if new.bank_mirror:
            mirrors = aliases.register_mirror(state, commands.principals, new, self.actor)
            self._require_owned(new)
            self.mirrors.extend(mirrors)
            return APPROVAL_PENDING if mirrors else DONE
        events = aliases.claim(state, commands.principals, commands.parties, new, self.actor)
        self._require_owned(new)
        commands.record(unit, events)
        return PENDING if state.held(new.owner, new.iban_index) is None else DONE

    def _require_owned(self, new: NewAlias) -> None:
        """Raises AccountNotOwned, for an account that the book has not as for one that is another's."""
        if new.bank_mirror:
            wanted = AccountOwner(ZERO_ID, BANK_MIRROR)
        elif new.owner == new.tenant:
            wanted = AccountOwner(ZERO_ID, PLATFORM)
        else:
            wanted = AccountOwner(new.party, CLIENT)
        if self.owners.get(new.account) != wanted:
            raise AccountNotOwned


def _index(blind_key: bytes, iban: str) -> bytes:
    try:
        return iban_index(blind_key, compact_iban(iban))
    except IbanInvalid:
        return b""


def _sealable(request: AliasRequest, tenant: bytes, subject: bytes, key: SubjectKey, blind_key: bytes) -> NewAlias:
    """Returns an alias to decide on, sealed as the first of its stream; raises as NewAlias."""

    def sealed(stream: bytes, version: int) -> bytes:
        return seal(key.key, request.iban.encode(), AssociatedData(stream, version, "iban"))

    index = iban_index(blind_key, request.iban)
    first = (alias_stream(subject, index), FIRST_VERSION)
    ready = sealed(*first) if key.key else b""

    def seal_iban(stream: bytes, version: int) -> bytes:
        if not key.key:
            raise SubjectErased
        return ready if (stream, version) == first else sealed(stream, version)

    return NewAlias(
        tenant, request.account, subject, request.bank_mirror, index, seal_iban, request.bank_feed, party=request.owner
    )
