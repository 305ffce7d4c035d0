"""What two people do about a list: the proposals' names, and what they say."""

from __future__ import annotations

from typing import NamedTuple

from ringfence_kernel.values.ids import external_id
from ringfence_kernel.writing import plain

ADOPT = "payment-instruction.AdoptSanctionsEdition"
CONFIRM = "payment-instruction.ConfirmSanctionsList"
RETIRE = "payment-instruction.RetireSanctionsList"


def stream_of(list_name: str) -> bytes:
    """Returns the stream of a list's events, which is also what proposals about it are about."""
    return external_id("sanctions-list", b"", list_name)


class Adoption(NamedTuple):
    """That the edition which waits comes into force, named by its digest: it stands in its own event."""

    list_name: str
    digest: bytes
    entries_lost: int
    names_removed: int

    def payload(self) -> bytes:
        """Returns it as bytes."""
        return plain.encode(tuple(self))

    @classmethod
    def of(cls, payload: bytes) -> Adoption:
        """Returns what a proposal says."""
        return cls(*plain.decode(memoryview(payload), tuple[str, bytes, int, int]))

    def __str__(self) -> str:
        """Says what would happen."""
        return (
            f"put the edition {self.digest.hex()} of sanctions list {self.list_name} in force: "
            f"{self.entries_lost} entries and {self.names_removed} names would be gone. Compare its files with the "
            "publisher's: they may have been cut off"
        )


class Statement(NamedTuple):
    """That the edition in force is still its publisher's, or that the list is no more to be used."""

    list_name: str
    digest: bytes
    note: str

    def payload(self) -> bytes:
        """Returns it as bytes."""
        return plain.encode(tuple(self))

    @classmethod
    def of(cls, payload: bytes) -> Statement:
        """Returns what a proposal says."""
        return cls(*plain.decode(memoryview(payload), tuple[str, bytes, str]))
