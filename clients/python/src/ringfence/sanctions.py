"""Sanctions lists: what an edition holds and changes, and which lists are in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence.ids import optional


class ListPart(IntEnum):
    """A file that belongs to the primary one of a sanctions list: OFAC's ALT, ADD and COMMENTS."""

    ALIASES = 1
    ADDRESSES = 2
    REMARKS = 3


class ChangeKind(IntEnum):
    """What an edition of a sanctions list did to an entry."""

    REMOVED = 1
    CHANGED = 2
    ADDED = 3


@dataclass(frozen=True)
class EntryChange:
    """An entry that an edition changed, by the publisher's number, with the first 8 of the names that are new."""

    what: ChangeKind
    reference: str
    names_added: Sequence[str]
    names_added_count: int
    names_removed_count: int


@dataclass(frozen=True, kw_only=True)
class ImportedList:
    """What an edition holds and what it changed; `proposal_id` is set where it waits for a second person.

    `may_be_cut`: a publisher's file has no mark at its end, and its SHA-256 was not given.
    """

    digest: bytes
    entries: int
    names: int
    aliases: int
    entries_added: int
    entries_removed: int
    entries_changed: int
    names_added: int
    names_removed: int
    changes: Sequence[EntryChange]
    unchanged: bool
    proposal_id: UUID | None
    may_be_cut: bool


@dataclass(frozen=True, kw_only=True)
class SanctionsList:
    """A list in force; payments rely on it until `stale_ns`. Times are UTC nanoseconds, 0 for never."""

    list_name: str
    digest: bytes
    published_ns: int
    confirmed_ns: int
    stale_ns: int
    entries: int
    names: int
    waiting_proposal_id: UUID | None


def files(parts: Mapping[ListPart, bytes], sha256: Mapping[ListPart, bytes]) -> list[pb.SanctionsListFile]:
    """Maps the further files of an edition, with the SHA-256 of those of which it is known."""
    return [
        pb.SanctionsListFile(part=pb.SanctionsListPart.ValueType(part), content=content, sha256=sha256.get(part, b""))
        for part, content in parts.items()
    ]


def imported(read: pb.ImportSanctionsListResponse) -> ImportedList:
    """Maps the answer to an import."""
    changes = [
        EntryChange(
            ChangeKind(each.what),
            each.reference,
            list(each.names_added),
            each.names_added_count,
            each.names_removed_count,
        )
        for each in read.changes
    ]
    return ImportedList(
        digest=read.digest,
        entries=read.entries,
        names=read.names,
        aliases=read.aliases,
        entries_added=read.entries_added,
        entries_removed=read.entries_removed,
        entries_changed=read.entries_changed,
        names_added=read.names_added,
        names_removed=read.names_removed,
        changes=changes,
        unchanged=read.unchanged,
        proposal_id=optional(read.proposal_id),
        may_be_cut=read.may_be_cut,
    )


def lists(read: pb.ListSanctionsListsResponse) -> list[SanctionsList]:
    """Maps the lists in force."""
    return [
        SanctionsList(
            list_name=each.list_name,
            digest=each.digest,
            published_ns=each.published_ns,
            confirmed_ns=each.confirmed_ns,
            stale_ns=each.stale_ns,
            entries=each.entries,
            names=each.names,
            waiting_proposal_id=optional(each.waiting_proposal_id),
        )
        for each in read.lists
    ]


@dataclass(frozen=True, kw_only=True)
class ListedHit:
    """An entry of a list that names somebody in a payment, by the lists of now.

    `field` is the element of ISO 20022, or "registered Dbtr" or "registered Cdtr" for what identity has, of which
    `typed` is empty. `names` are the entry's, each with whether it is what was typed by all that is compared; none
    where they were not kept. It `is_waiting` where its edition waits for a second person, and `is_stopping` where it is
    on record as what stops the payment.
    """

    field: str
    typed: str
    list_name: str
    reference: str
    published_ns: int
    confirmed_ns: int
    is_waiting: bool
    is_released: bool
    is_stopping: bool
    names: list[tuple[str, bool]]


@dataclass(frozen=True, kw_only=True)
class PaymentHits:
    """Entries of lists that name somebody in a payment, by the lists of now: at most 50, `more` than which there are.

    `stopped_by` is the entry on record as what stops it, "list/reference" and SHA-256 of what its publisher said of it;
    it alone is let go by a release. Empty where none does, or a service of an earlier release does not say.
    """

    listed: list[ListedHit]
    stopped_by: str
    stopped_by_sha256: bytes
    more: int


def hits(read: pb.ShowHitsResponse) -> PaymentHits:
    """The hits of a payment, as read."""
    return PaymentHits(
        listed=list(map(hit, read.hits)),
        stopped_by=read.stopped_by,
        stopped_by_sha256=read.stopped_by_sha256,
        more=read.more,
    )


def hit(read: pb.ShownHit) -> ListedHit:
    """A hit, as read."""
    return ListedHit(
        field=read.field,
        typed=read.typed,
        list_name=read.list_name,
        reference=read.reference,
        published_ns=read.published_ns,
        confirmed_ns=read.confirmed_ns,
        is_waiting=read.waiting,
        is_released=read.released,
        is_stopping=read.stops,
        names=[(each.text, each.alike) for each in read.names],
    )
