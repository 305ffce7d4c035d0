"""Importing sanctions lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Protocol

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Proposals
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.screening.application.ports import ListedNames
from ringfence_payment_instruction.screening.application.quotas import EditionsQuota, EditionTurn
from ringfence_payment_instruction.screening.domain import acts, editions
from ringfence_payment_instruction.screening.domain.editions import Columns, Difference
from ringfence_payment_instruction.screening.domain.entries import Entry, aliases
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged
from ringfence_payment_instruction.screening.domain.events import SanctionsEditionHeld, SanctionsListImported
from ringfence_payment_instruction.screening.domain.lists import Index, Packed, index_of, made_ahead, packed
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.application.reading import FileReading


class ListPart(IntEnum):
    """Files that belong to a primary file; numbers as in the proto."""

    ALIASES = 1
    ADDRESSES = 2
    REMARKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFiles:
    """What a publisher has issued as one edition of a list, and when (UTC nanoseconds).

    `sha256` is that of the primary file and `part_sha256` those of its parts, where the publisher states them.
    """

    list_name: str
    list_format: int
    content: bytes
    published_ns: int
    parts: Mapping[ListPart, bytes]
    sha256: bytes = b""
    part_sha256: Mapping[ListPart, bytes] = field(default_factory=dict)

    def unproven(self) -> list[bytes]:
        """Returns the files of which no SHA-256 is stated; raises SanctionsListDamaged where one is another file's."""
        files = [(self.content, self.sha256)]
        files += [(content, self.part_sha256.get(part, b"")) for part, content in self.parts.items()]
        if any(stated and stated != hashlib.sha256(content).digest() for content, stated in files):
            raise SanctionsListDamaged("a file is not the one whose SHA-256 is stated")
        return [content for content, stated in files if not stated]

    def stated(self) -> bytes:
        """Returns what is stated: of the primary file, then of its parts by number, 32 bytes each."""
        return self.sha256 + b"".join(stated for _, stated in sorted(self.part_sha256.items()))

    def digest(self) -> bytes:
        """Returns SHA-256 of the file; of several files, that of each part's number and SHA-256, in order."""
        digest = hashlib.sha256(self.content)
        for part, content in sorted(self.parts.items()):
            digest = hashlib.sha256(digest.digest() + bytes((part,)) + hashlib.sha256(content).digest())
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Imported:
    """What an edition holds and changes; `proposal` is empty unless it waits for a second person.

    `may_be_cut` tells that nothing shows that all files came whole.
    """

    digest: bytes
    entries: int
    names: int
    aliases: int
    difference: Difference
    unchanged: bool
    proposal: bytes
    may_be_cut: bool


class ListReader(Protocol):
    """Reads the files of list publishers; blocking."""

    def read(self, list_format: int, content: bytes, parts: Mapping[ListPart, bytes]) -> list[Entry]:
        """Returns the entries; raises SanctionsListDamaged."""

    def may_be_cut(self, list_format: int, content: bytes) -> bool:
        """Tells whether a file that was read may be the first part of another one."""


@dataclass(frozen=True, slots=True)
class _Read:
    """An edition; `has_no_end` where one of its files has none, `may_be_cut` where its SHA-256 is not stated either."""

    entries: list[Entry]
    columns: Columns
    index: Index
    packed: Packed
    names: bytes
    digest: bytes
    has_no_end: bool
    may_be_cut: bool


@dataclass(frozen=True, slots=True)
class ListImport:
    """Takes in sanctions lists."""

    writer: GroupWriter
    state: State
    proposals: Proposals
    reader: ListReader
    reading: FileReading
    quota: EditionsQuota
    names: ListedNames

    async def import_list(self, caller: Caller, files: ListFiles) -> Imported:
        """Returns what came into force, or waits; the same edition again changes nothing.

        Raises SanctionsListDamaged, SanctionsListOutdated, SanctionsListsExceeded, SanctionsEditionsExceeded,
        TooManyFiles, and what a proposal raises.
        """
        read = await self.reading.read(caller, self._read, files)
        with self.quota.turn(caller.subject) as turn:
            return await self._decided(caller, files, read, turn)

    async def _decided(self, caller: Caller, files: ListFiles, read: _Read, turn: EditionTurn) -> Imported:
        while True:
            current = self.state.lists.get(files.list_name)
            difference = await self.reading.compute(editions.difference, current, read.entries)

            def command(unit: Unit, current: object = current, found: Difference = difference) -> Imported | None:
                # Another edition may have come into force meanwhile: then this one changes something else.
                turn.is_used = False
                if self.state.lists.get(files.list_name) is not current:
                    return None
                return self._import(unit, caller, files, read, found, turn)

            with made_ahead(read.columns, read.index, read.packed):
                imported = await self.writer.commit(command)
            if imported is not None:
                return imported

    def _read(self, files: ListFiles) -> _Read:
        unproven = files.unproven()
        entries = self.reader.read(files.list_format, files.content, files.parts)
        endless = [
            content
            for content in (files.content, *files.parts.values())
            if self.reader.may_be_cut(files.list_format, content)
        ]
        may_be_cut = any(content in unproven for content in endless)
        columns = editions.columns_of(entries)
        index = index_of(columns)
        return _Read(
            entries,
            columns,
            index,
            packed(index),
            self.names.packed(entries),
            files.digest(),
            bool(endless),
            may_be_cut,
        )

    def _import(
        self, unit: Unit, caller: Caller, files: ListFiles, read: _Read, difference: Difference, turn: EditionTurn
    ) -> Imported:
        current, name = self.state.lists.get(files.list_name), files.list_name
        is_same = editions.is_same(current, read.digest)
        proposal = b""
        if not is_same:
            published_ns, may_be_cut = files.published_ns, read.may_be_cut
            if current is not None and current.digest == read.digest:
                # Read anew by a later release: the edition is no younger for that, and as whole as it was.
                published_ns, may_be_cut = current.published_ns, False
            editions.require_newer(current, published_ns, unit.now_ns)
            # One operator's word for a SHA-256 is no publisher's, and against a first edition no loss shows.
            is_unseen = current is None and read.has_no_end
            waits = may_be_cut or is_unseen or difference.needs_second_person(self.state.lost_lately(name, unit.now_ns))
            event = (SanctionsEditionHeld if waits else SanctionsListImported)(
                list_name=name,
                list_format=files.list_format,
                digest=read.digest,
                published_ns=published_ns,
                imported_by=caller.subject,
                stated_digests=files.stated(),
                **{each.name: getattr(read.columns, each.name) for each in fields(read.columns)},
            )
            proposal = self._record(unit, caller, event, difference, turn)
        known = [self.state.lists.get(name), self.state.waiting.get(name)]
        unit.commit_also(self.names.keep(name, read.digest, read.names, [each.digest for each in known if each]))
        return Imported(
            digest=read.digest,
            entries=len(read.entries),
            names=read.columns.name_count,
            aliases=aliases(read.entries),
            difference=difference,
            unchanged=is_same,
            proposal=proposal,
            may_be_cut=read.may_be_cut,
        )

    def _record(
        self,
        unit: Unit,
        caller: Caller,
        event: SanctionsListImported | SanctionsEditionHeld,
        difference: Difference,
        turn: EditionTurn,
    ) -> bytes:
        """Records an edition; returns the proposal that it waits for, of whoever handed it in first."""
        name, subject = event.list_name, acts.stream_of(event.list_name)
        waits, waiting = isinstance(event, SanctionsEditionHeld), self.state.waiting.get(name)
        if waits and waiting is not None and waiting.digest == event.digest and name in self.state.proposals:
            return self.state.proposals[name]
        self.quota.bounds.require_room(self.state.lists, self.state.waiting, name, len(event.references))
        turn.use()
        if not waits:
            unit.record(subject, event)
            return b""
        adoption = acts.Adoption(name, event.digest, difference.entries_lost, difference.names_removed)
        unit.record(subject, event)
        return self.proposals.propose(unit, acts.ADOPT, subject=subject, payload=adoption.payload(), caller=caller)
