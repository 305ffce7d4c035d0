"""Keyed marks of names: equal names meet, and nobody without the key can try which name a mark is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_kernel.sealing.envelopes import blind_index

from ringfence_payment_instruction.screening.domain import lists
from ringfence_payment_instruction.screening.domain.clients import Listed
from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.screening.domain.lists import Mark, SanctionsList, Screening
from ringfence_payment_instruction.screening.domain.names import FIRST_FORM, FORM

CLIENT_NAME = "payment-instruction/client-name"


def client_mark(key: bytes, mark: Mark, form: int) -> bytes:
    """Returns the keyed mark of a name: what a list publishes can be looked up in the index."""
    return blind_index(key, f"{CLIENT_NAME}/{form}/{mark.whole:d}", mark.fingerprint)


def marks_of(key: bytes, names: Sequence[str]) -> tuple[bytes, ...]:
    """Returns the keyed marks of names, in every form in which lists are kept, that leave something to compare."""
    found = (
        client_mark(key, mark, form)
        for name in names
        for form in (FIRST_FORM, FORM)
        for mark in lists.marks_of(name, form)
    )
    return tuple(dict.fromkeys(found))


def listed_marks(key: bytes, screening: Screening) -> Listed:
    """Returns entries by the keyed mark of every name on a list; takes some microseconds for each."""
    found: dict[bytes, tuple[ListedEntry, ...]] = {}
    for list_name, each in screening.editions():
        for mark, reference in _marks(each):
            keyed, entry = client_mark(key, mark, each.form), each.entry(list_name, reference)
            others = found.get(keyed, ())
            if entry not in others:
                found[keyed] = (*others, entry)
    return found


def _marks(each: SanctionsList) -> Iterator[tuple[Mark, str]]:
    """Yields what hits as the whole of a name, and what hits as a part of one."""
    for fingerprint, references in each.references.items():
        for reference in references:
            yield Mark(fingerprint, True), reference
            if fingerprint not in each.lone:
                yield Mark(fingerprint, False), reference
