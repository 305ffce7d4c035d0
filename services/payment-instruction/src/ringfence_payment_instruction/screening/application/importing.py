"""Importing sanctions lists."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged
from ringfence_payment_instruction.screening.domain.events import SanctionsListImported
from ringfence_payment_instruction.screening.domain.lists import (
    ListedName,
    fingerprints_of,
    require_newer,
    require_not_cut_off,
)
from ringfence_payment_instruction.screening.domain.state import State
from ringfence_payment_instruction.submissions.application.reading import FileReading

MAX_NAMES = 100_000


class ReadList(NamedTuple):
    """The names of a list's file, and trailing lines that are no entries."""

    names: list[ListedName]
    bad_lines: list[str]


class ListReader(Protocol):
    """Reads the files of list publishers; blocking."""

    def read(self, list_format: int, content: bytes) -> ReadList:
        """Returns the names; raises SanctionsListDamaged."""


@dataclass(frozen=True, slots=True)
class ListImport:
    """Takes in sanctions lists."""

    writer: GroupWriter
    state: State
    reader: ListReader
    reading: FileReading

    async def import_list(
        self, caller: Caller, list_name: str, list_format: int, content: bytes, published_ns: int
    ) -> tuple[int, list[str]]:
        """Returns how many names are in force, and the lines left out; the same file again changes nothing.

        Raises SanctionsListDamaged, SanctionsListOutdated, TooManyFiles.
        """
        read = await self.reading.read(caller, self.reader.read, list_format, content)
        marks = await asyncio.to_thread(fingerprints_of, read.names)
        if not marks or len(marks) > MAX_NAMES:
            raise SanctionsListDamaged(f"a list has 1 to {MAX_NAMES} names", names=str(len(marks)))
        digest = await asyncio.to_thread(hashlib.sha256, content)
        event = SanctionsListImported(
            list_name=list_name,
            list_format=list_format,
            digest=digest.digest(),
            published_ns=published_ns,
            imported_by=caller.subject,
            name_count=len(read.names),
            fingerprints=b"".join(marks),
            references=tuple(marks.values()),
        )

        def command(unit: Unit) -> None:
            current = self.state.lists.get(list_name)
            require_newer(current, published_ns, unit.now_ns)
            require_not_cut_off(current, len(marks))
            if current is None or (current.digest, current.published_ns) != (event.digest, published_ns):
                unit.record(external_id("sanctions-list", b"", list_name), event)

        await self.writer.commit(command)
        return len(read.names), read.bad_lines
