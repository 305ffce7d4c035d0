"""Aliases: which account in which book an IBAN stands for."""

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_identity.aliases.domain.errors import IbanTaken
from ringfence_identity.aliases.domain.events import AliasRegistered, AliasRemoved, alias_stream
from ringfence_identity.aliases.domain.state import Alias, State
from ringfence_identity.parties.queries import PartyQueries
from ringfence_identity.principals.queries import Actor, Kind, OperatorRequired, PrincipalNotFound, PrincipalQueries

SealIban = Callable[[bytes, int], bytes]
"""Seals the IBAN for the given stream and version."""


@dataclass(frozen=True, slots=True)
class NewAlias:
    """An alias to register; `owner` is a party of the tenant, or the tenant for its own accounts and bank mirrors.

    `bank_feed` is the principal of the bank that keeps a mirrored account: only its statements count for it.
    """

    tenant: bytes
    account: bytes
    owner: bytes
    bank_mirror: bool
    iban_index: bytes
    seal: SealIban
    bank_feed: bytes = b""

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.account) != ID_BYTES or self.account == ZERO_ID:
            raise InvalidArgument("account_id must be 16 bytes, not all zero", field="account_id")
        if self.bank_mirror and self.owner != self.tenant:
            raise InvalidArgument("a bank mirror has no owner", field="owner_id")
        if len(self.bank_feed) != (ID_BYTES if self.bank_mirror else 0):
            raise InvalidArgument("a bank mirror, and nothing else, names its bank's feed", field="bank_feed_id")


def register(
    state: State, principals: PrincipalQueries, parties: PartyQueries, new: NewAlias, actor: Actor
) -> list[AliasRegistered]:
    """Registers an alias; the same again changes nothing.

    Raises TenantNotFound (also for a tenant that is not the caller's), OperatorRequired for a bank mirror,
    PrincipalNotFound where no bank feed has the id named, PartyNotFound, SubjectErased, IbanTaken.
    """
    principals.require_tenant(new.tenant if actor.tenant in (None, new.tenant) else b"")
    if new.bank_mirror and actor.tenant is not None:
        raise OperatorRequired
    feed = principals.get(new.bank_feed)
    if new.bank_mirror and (feed is None or feed.kind is not Kind.BANK_FEED):
        raise PrincipalNotFound
    if new.owner != new.tenant:
        parties.find(new.tenant, new.owner)
    alias = Alias(new.tenant, new.account, new.owner, new.bank_mirror, new.bank_feed)
    existing = state.aliases.get(new.iban_index)
    if existing == alias:
        return []
    if existing is not None:
        raise IbanTaken
    sealed = new.seal(alias_stream(new.owner, new.iban_index), 1)
    return [
        AliasRegistered(
            new.tenant, new.owner, new.iban_index, new.account, new.bank_mirror, sealed, actor.subject, new.bank_feed
        )
    ]


def remove_all(state: State, tenant: bytes, owner: bytes, by: bytes) -> list[AliasRemoved]:
    """Lets every IBAN of this owner stand for nothing, the newest first."""
    return [AliasRemoved(tenant, owner, index, by) for index in state.held_by(owner)]
