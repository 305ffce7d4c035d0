"""Whether every transfer that rests on the bank's word alone has its evidence in the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import LeavesAppended, leaves_of
from ringfence_audit.log.domain.leaf import Value, decode

SECTION = "evidence, format 1"
NAMED_BY = {"payment-instruction.directive.v1": "evidence", "payment-instruction.bank_entry.v1": "file_sha256"}
"""Leaves of payment-instruction that name a bank's file, by kind, and the field: its answers, and its entries."""
TRANSFERS = "custody.transfer_evidence.v1"
KEPT = 262_144
"""Files that are remembered, some 100 bytes each; custody books within seconds of the last that named them."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    files: list[bytes]
    unfounded: list[tuple[bytes, bytes, int]]


@dataclass(frozen=True, slots=True)
class Unfounded:
    """A transfer whose evidence the log does not have, and when the log took it over, UTC nanoseconds."""

    evidence: bytes
    since_ns: int


@dataclass(slots=True)
class State:
    """Files that payment-instruction has named, the newest last, and transfers that rest on none of them."""

    EVENTS: ClassVar[tuple[type, ...]] = (LeavesAppended,)
    files: dict[bytes, None] = field(default_factory=dict)
    unfounded: dict[bytes, Unfounded] = field(default_factory=dict)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in what leaves say of evidence."""
        event: LeavesAppended = recorded.event
        for kind, fields in _leaves(event):
            if kind == TRANSFERS:
                self._rest(fields, recorded.recorded_at_ns, journal)
            else:
                self._name(fields.get(NAMED_BY[kind]), journal)

    def _name(self, file: Value | None, journal: Journal) -> None:
        if not isinstance(file, bytes) or file in self.files:
            return
        journal.put(self.files, file, None)
        if len(self.files) > KEPT:
            journal.remove(self.files, next(iter(self.files)))
        for transfer in [each for each, what in self.unfounded.items() if what.evidence == file]:
            journal.remove(self.unfounded, transfer)

    def _rest(self, fields: Mapping[str, Value], now_ns: int, journal: Journal) -> None:
        transfer, file = fields.get("transfer_id"), fields.get("evidence")
        if isinstance(transfer, bytes) and isinstance(file, bytes) and file not in self.files:
            journal.put(self.unfounded, transfer, Unfounded(file, now_ns))

    def digest(self) -> bytes:
        """Gives a hash of it all."""
        return sha256(self._content()).digest()

    def save(self) -> Sections:
        """Gives all of it."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.files = dict.fromkeys(saved.files)
        self.unfounded = {transfer: Unfounded(file, since_ns) for transfer, file, since_ns in saved.unfounded}

    def _content(self) -> bytes:
        unfounded = [(each, what.evidence, what.since_ns) for each, what in self.unfounded.items()]
        return plain.encode(_Saved(list(self.files), unfounded))


def _leaves(event: LeavesAppended) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Yields kind and fields of the leaves that are about evidence; nearly all are not, and are not read."""
    kinds = {"payment-instruction": NAMED_BY, "custody": (TRANSFERS,)}.get(event.source, ())
    starts = tuple(b"\x01" + bytes([len(kind)]) + kind.encode() for kind in kinds)
    if starts and any(start in event.leaves for start in starts):
        for leaf in leaves_of(event):
            if leaf.startswith(starts):
                yield decode(leaf)
