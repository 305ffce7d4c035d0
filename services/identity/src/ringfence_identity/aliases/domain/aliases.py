"""Aliases: which account in which book an IBAN stands for, and who says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_identity.aliases.domain.errors import AliasNotFound, IbanTaken
from ringfence_identity.aliases.domain.events import (
    AliasClaimed,
    AliasConfirmed,
    AliasRegistered,
    AliasRemoved,
    alias_stream,
)
from ringfence_identity.aliases.domain.state import Claim, State
from ringfence_identity.parties.queries import PartyQueries
from ringfence_identity.principals.queries import (
    Actor,
    ExistsWithDifferentData,
    Kind,
    OperatorRequired,
    PrincipalNotActive,
    PrincipalNotFound,
    PrincipalQueries,
)

SealIban = Callable[[bytes, int], bytes]
"""Seals the IBAN for the given stream and version."""


@dataclass(frozen=True, slots=True)
class NewAlias:
    """An alias to claim, or a bank mirror to propose.

    `owner` is the subject of `party`, which is a party of the tenant, or the tenant itself for its own accounts and
    bank mirrors. `bank_feed` is the principal of the bank that keeps a mirrored account: only its statements count.
    """

    tenant: bytes
    account: bytes
    owner: bytes
    bank_mirror: bool
    iban_index: bytes
    seal: SealIban
    bank_feed: bytes = b""
    party: bytes = b""

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.account) != ID_BYTES or self.account == ZERO_ID:
            raise InvalidArgument("account_id must be 16 bytes, not all zero", field="account_id")
        if self.bank_mirror and self.owner != self.tenant:
            raise InvalidArgument("a bank mirror has no owner", field="owner_id")
        if len(self.bank_feed) != (ID_BYTES if self.bank_mirror else 0):
            raise InvalidArgument("a bank mirror, and nothing else, names its bank's feed", field="bank_feed_id")


class Action(StrEnum):
    """What two people may do with an IBAN."""

    CONFIRM = "CONFIRM"
    REMOVE = "REMOVE"
    MOVE = "MOVE"


@dataclass(frozen=True, slots=True)
class Change:
    """What two people do with the IBAN of an owner (a subject), and the document that it rests on."""

    action: Action
    tenant: bytes
    owner: bytes
    iban_index: bytes
    document_sha256: bytes


def claim(
    state: State, principals: PrincipalQueries, parties: PartyQueries, new: NewAlias, actor: Actor
) -> list[AliasClaimed]:
    """Claims an IBAN for an account, whoever else has it or claims it; the same again changes nothing.

    Raises TenantNotFound (also for a tenant that is not the caller's), PartyNotFound, SubjectErased, and
    ExistsWithDifferentData where the owner has the IBAN, or claims it, for another account.
    """
    principals.require_tenant(new.tenant if actor.tenant in (None, new.tenant) else b"")
    if new.owner != new.tenant:
        parties.find(new.tenant, new.party or new.owner)
    own = state.held(new.owner, new.iban_index) or state.claim(new.owner, new.iban_index)
    if own is not None and own.account == new.account:
        return []
    if own is not None:
        raise ExistsWithDifferentData
    sealed = new.seal(alias_stream(new.owner, new.iban_index), state.version(new.owner, new.iban_index) + 1)
    return [AliasClaimed(new.tenant, new.owner, new.iban_index, new.account, sealed, actor.subject)]


def register_mirror(state: State, principals: PrincipalQueries, new: NewAlias, actor: Actor) -> list[AliasRegistered]:
    """Returns what makes an IBAN a bank mirror once two operators agree; the same again changes nothing.

    Raises TenantNotFound, OperatorRequired, PrincipalNotFound where no bank feed has the id named, PrincipalNotActive
    where it may not act, IbanTaken.
    """
    principals.require_tenant(new.tenant if actor.tenant in (None, new.tenant) else b"")
    if actor.tenant is not None:
        raise OperatorRequired
    require_feed(principals, new.bank_feed)
    existing = state.aliases.get(new.iban_index)
    told = (new.tenant, new.account, True, new.bank_feed)
    if existing is not None and (existing.tenant, existing.account, existing.bank_mirror, existing.bank_feed) == told:
        return []
    if existing is not None or new.iban_index in state.retired:
        raise IbanTaken
    sealed = new.seal(alias_stream(new.owner, new.iban_index), state.version(new.owner, new.iban_index) + 1)
    return [
        AliasRegistered(new.tenant, new.owner, new.iban_index, new.account, True, sealed, actor.subject, new.bank_feed)
    ]


def confirm(state: State, claimed: Claim, evidence_sha256: bytes, by: bytes) -> list[AliasConfirmed]:
    """Lets the IBAN of a claim stand for its account. Raises AliasNotFound for a claim that is gone, IbanTaken."""
    if state.claim(claimed.owner, claimed.iban_index) != claimed:
        raise AliasNotFound
    if claimed.iban_index in state.aliases or claimed.iban_index in state.retired:
        raise IbanTaken
    return [AliasConfirmed(claimed.tenant, claimed.owner, claimed.iban_index, evidence_sha256, by)]


def change(state: State, wanted: Change, by: bytes) -> list[AliasConfirmed | AliasRemoved]:
    """Returns what a change of two people does; nothing where it is so already.

    Raises AliasNotFound where the owner has nothing to change, IbanTaken for an erased client's, and for a confirmation
    while the IBAN stands for another account.
    """
    owner, index, document = wanted.owner, wanted.iban_index, wanted.document_sha256
    alias, claimed = state.held(owner, index), state.claim(owner, index)
    own = alias or claimed
    if own is None or own.tenant != wanted.tenant:
        raise AliasNotFound
    if wanted.action is Action.REMOVE:
        return [AliasRemoved(wanted.tenant, owner, index, by, True, document)]
    if claimed is None:
        return []
    if wanted.action is Action.CONFIRM or index not in state.aliases:
        return [*confirm(state, claimed, document, by)]
    before = state.aliases[index]
    return [
        AliasRemoved(before.tenant, before.owner, index, by, True, document),
        AliasConfirmed(claimed.tenant, owner, index, document, by),
    ]


def retire(state: State, tenant: bytes, owner: bytes, iban_indexes: Sequence[bytes], by: bytes) -> list[AliasRemoved]:
    """Keeps an erased owner's IBANs taken of which a restored database knows nothing."""
    free = [each for each in iban_indexes if each not in state.retired and each not in state.aliases]
    return [AliasRemoved(tenant, owner, each, by) for each in free]


def require_feed(principals: PrincipalQueries, bank_feed: bytes) -> None:
    """Raises PrincipalNotFound where no bank feed has this id, PrincipalNotActive where it may not act."""
    feed = principals.get(bank_feed)
    if feed is None or feed.kind is not Kind.BANK_FEED:
        raise PrincipalNotFound
    if not principals.is_active(feed):
        raise PrincipalNotActive


def remove_all(state: State, tenant: bytes, owner: bytes, by: bytes) -> list[AliasRemoved]:
    """Lets every IBAN and claim of an erased owner stand for nothing, the newest first; the IBANs stay taken."""
    indexes = [*state.held_by(owner), *(each.iban_index for each in state.claimed_by(owner))]
    return [AliasRemoved(tenant, owner, index, by) for index in indexes]
