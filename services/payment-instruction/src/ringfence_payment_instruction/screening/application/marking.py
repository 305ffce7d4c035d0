"""Keyed marks of names: equal names meet, and nobody without the key can try which name a mark is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_kernel.sealing.envelopes import blind_index

from ringfence_payment_instruction.screening.domain import lists
from ringfence_payment_instruction.screening.domain.clients import Listed, Marks
from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.screening.domain.lists import Mark, SanctionsList
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


def listed_marks(key: bytes, list_name: str, known: SanctionsList) -> Marks:
    """Returns entries by the keyed mark of every name on a list; takes some microseconds for each."""
    found: dict[bytes, dict[ListedEntry, None]] = {}
    for mark, references in _marks(known):
        entries = found.setdefault(client_mark(key, mark, known.form), {})
        entries.update(dict.fromkeys(known.entry(list_name, reference) for reference in references))
    return {keyed: tuple(entries) for keyed, entries in found.items()}


def new_marks(listed: Listed, checked: Listed) -> set[bytes]:
    """Returns the marks of entries that were not looked up before under them, as they stand."""
    known = set(map(id, checked.parts))
    fresh = [part for part in listed.parts if id(part) not in known]
    return {mark for part in fresh for mark, entries in part.items() if not set(entries) <= set(checked.entries(mark))}


def _marks(each: SanctionsList) -> Iterator[tuple[Mark, tuple[str, ...]]]:
    """Yields what hits as the whole of a name, and what hits as a part of one, with the entries of each."""
    for fingerprint, references in each.references.items():
        yield Mark(fingerprint, True), references
        if fingerprint not in each.lone:
            yield Mark(fingerprint, False), references
