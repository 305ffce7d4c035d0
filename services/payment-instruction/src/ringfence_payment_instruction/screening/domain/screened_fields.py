"""Whom a payment or a deposit names: every field that is screened, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, Protocol


class Side(Enum):
    """Whose name a field has: the clearance of a client holds for the fields of his own name alone."""

    DEBTOR = "debtor"
    CREDITOR = "creditor"
    OTHER = "other"


class Part(Enum):
    """Where the names of a field come from; the numbers are stored with a client's names."""

    TYPED = 0
    REGISTERED = 1
    OWNERS = 2


class ScreenedField(NamedTuple):
    """A field: its name, whose name it has, and where it comes from."""

    name: str
    side: Side
    part: Part


# Elements of ISO 20022 that name somebody beside debtor and creditor.
ROLES = (
    "InitgPty", "UltmtDbtr", "UltmtCdtr", "TradgPty", "InstgAgt", "InstdAgt", "DbtrAgt", "CdtrAgt", "IntrmyAgt1",
    "IntrmyAgt2", "IntrmyAgt3", "RcvgAgt", "DlvrgAgt", "IssgAgt",
)  # fmt: skip

SCREENED_FIELDS = (
    ScreenedField("Dbtr", Side.DEBTOR, Part.TYPED),
    ScreenedField("Cdtr", Side.CREDITOR, Part.TYPED),
    *(ScreenedField(role, Side.OTHER, Part.TYPED) for role in ROLES),
    ScreenedField("registered Dbtr", Side.DEBTOR, Part.REGISTERED),
    ScreenedField("owners of Dbtr", Side.DEBTOR, Part.OWNERS),
    ScreenedField("registered Cdtr", Side.CREDITOR, Part.REGISTERED),
    ScreenedField("owners of Cdtr", Side.CREDITOR, Part.OWNERS),
)
"""All of them: of a payment from its intake until the bank has it, of a deposit before it is credited."""

_SIDES = {each.name: each.side for each in SCREENED_FIELDS if each.part is Part.TYPED}


class Naming(Protocol):
    """A payment's or a bank entry's names in clear; those that are not given are empty."""

    @property
    def debtor_name(self) -> str:
        """Who pays, as typed."""

    @property
    def creditor_name(self) -> str:
        """Who is paid, as typed."""

    @property
    def parties(self) -> tuple[tuple[str, str], ...]:
        """Everybody else, by the element of ISO 20022 that names him."""


def typed_fields(naming: Naming) -> Iterator[tuple[str, Side, str]]:
    """Yields every name that was typed, with its field; in a role that the table does not list it is screened too."""
    if naming.debtor_name:
        yield "Dbtr", Side.DEBTOR, naming.debtor_name
    if naming.creditor_name:
        yield "Cdtr", Side.CREDITOR, naming.creditor_name
    for role, name in naming.parties:
        yield role, _SIDES.get(role, Side.OTHER), name
