"""Free text that leaves commit to: it stands beside the log, and goes without a leaf or a proof changing."""

from __future__ import annotations

from typing import NamedTuple

SALT_BYTES = 16
COMMITTED = b"_commitment"


class Text(NamedTuple):
    """What a leaf commits to by `<field>_commitment`, and with whom it goes when somebody is erased.

    `leaf` is its place, from 0, among the leaves of its event, of a page, or of the log. Content is UTF-8 where
    `is_text`. A text goes with either party, and with those of whatever it is `about` or that is `within`: a payment's
    with its debtor, a note on the payment with the payment, a file's number with the payments in it. Ids are 16 bytes.
    """

    leaf: int
    kind: str
    field: str
    salt: bytes
    content: bytes
    is_text: bool
    time_ns: int
    about: bytes | None = None
    within: bytes | None = None
    party: bytes | None = None
    counterparty: bytes | None = None


def may_commit(leaf: bytes) -> bool:
    """Tells whether a leaf may commit to texts: one that has no field of such a name does not."""
    return COMMITTED in leaf


class Opening(NamedTuple):
    """A text as it is shown to whoever may read its leaf; salt and content are empty once somebody was erased."""

    field: str
    salt: bytes
    content: bytes
    is_text: bool
