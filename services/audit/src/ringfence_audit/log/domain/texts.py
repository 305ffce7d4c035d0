"""Free text that leaves commit to: it stands beside the log, and goes without a leaf or a proof changing."""

from __future__ import annotations

from typing import NamedTuple

SALT_BYTES = 16
COMMITTED = b"_commitment"
Client = tuple[bytes, bytes]
"""A platform, and an id that it has for a party: another platform may have the same id for another."""


class Text(NamedTuple):
    """What a leaf commits to by `<field>_commitment`, and with whom it goes when somebody is erased.

    `leaf` is its place, from 0, among the leaves of its event, of a page, or of the log. Content is UTF-8 where
    `is_text`. A text goes with each party that it is `about`, and with the parties of each payment, bank entry or file
    that it is about, as links say. Ids are 16 bytes, and a platform's own: `tenant` says of which, empty for the house.
    """

    leaf: int
    kind: str
    field: str
    salt: bytes
    content: bytes
    is_text: bool
    time_ns: int
    about: tuple[bytes, ...] = ()
    tenant: bytes = b""


class Link(NamedTuple):
    """Whose a payment or a bank entry is, as a leaf says, which is numbered as that of a text; ids are 16 bytes.

    An entry may have the `instruction` that it carries out; `within` is the file in which a payment came. All of them
    are ids of the platform `tenant`.
    """

    leaf: int
    about: bytes
    instruction: bytes | None
    within: bytes | None
    party: bytes | None
    counterparty: bytes | None
    tenant: bytes


def may_commit(leaf: bytes) -> bool:
    """Tells whether a leaf may commit to texts: one that has no field of such a name does not."""
    return COMMITTED in leaf


class Opening(NamedTuple):
    """A text as it is shown to whoever may read its leaf; salt and content are empty once somebody was erased."""

    field: str
    salt: bytes
    content: bytes
    is_text: bool
