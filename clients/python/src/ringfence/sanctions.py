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
