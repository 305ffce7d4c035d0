"""Reading the files of sanctions list publishers. A damaged file is refused whole, so that no name is missed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ringfence_payment_instruction.screening.adapters.delimited import read_csv, read_denied_persons
from ringfence_payment_instruction.screening.adapters.ofac import has_end_mark, read_ofac
from ringfence_payment_instruction.screening.adapters.un_xml import read_un
from ringfence_payment_instruction.screening.application.importing import ListPart
from ringfence_payment_instruction.screening.domain.entries import Entry
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged


class ListFormat(IntEnum):
    """Formats that can be read; numbers as in the proto."""

    CSV = 1
    OFAC_SDN = 2
    UN_XML = 3
    BIS_DENIED_PERSONS = 4


class SanctionsFiles:
    """Reads any format that is known."""

    def read(self, list_format: int, content: bytes, parts: Mapping[ListPart, bytes]) -> list[Entry]:
        """Returns the entries; raises SanctionsListDamaged, naming the first line that is wrong."""
        if list_format == ListFormat.OFAC_SDN:
            return read_ofac(content, parts)
        if parts:
            raise SanctionsListDamaged("a list of this format is one file")
        return _READERS[ListFormat(list_format)](content)

    def may_be_cut(self, list_format: int, content: bytes) -> bool:
        """Tells of a publisher's file whether it lacks an end. Our own CSV comes from nobody but who hands it in."""
        if list_format == ListFormat.OFAC_SDN:
            return not has_end_mark(content)
        return list_format == ListFormat.BIS_DENIED_PERSONS


_READERS = {
    ListFormat.CSV: read_csv,
    ListFormat.UN_XML: read_un,
    ListFormat.BIS_DENIED_PERSONS: read_denied_persons,
}
