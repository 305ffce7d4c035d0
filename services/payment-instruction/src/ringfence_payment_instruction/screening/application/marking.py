"""Keyed marks of names: equal names meet, and nobody without the key can try which name a mark is of."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.sealing.envelopes import blind_index

from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.names import fingerprint

CLIENT_NAME = "payment-instruction/client-name"


def client_mark(key: bytes, listed: bytes) -> bytes:
    """Returns the keyed mark of a name, from its fingerprint: what a list publishes can be looked up in the index."""
    return blind_index(key, CLIENT_NAME, listed)


def marks_of(key: bytes, names: Sequence[str]) -> tuple[bytes, ...]:
    """Returns the keyed marks of names that leave something to compare."""
    return tuple(dict.fromkeys(client_mark(key, found) for name in names if (found := fingerprint(name))))


def listed_marks(key: bytes, screening: Screening) -> dict[bytes, str]:
    """Returns "list/reference" by the keyed mark of every name on a list; takes some microseconds for each."""
    return {
        client_mark(key, mark): f"{list_name}/{reference}"
        for list_name, each in screening.lists.items()
        for mark, reference in each.references.items()
    }
