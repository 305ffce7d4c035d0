"""In which order entries are posted: nothing is taken or allocated before what was to bring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence_payment_instruction.deposits.domain.evidence import CREDITS, TAKES, Disposition, EvidenceFile

IN_SUSPENSE = b""
"""Stands for suspense in the place of a client's account."""


def held_back(file: EvidenceFile, others: Iterable[EvidenceFile]) -> set[int]:
    """Returns the waiting entries of a file that take or allocate what an earlier one has yet to bring.

    `others` are files of the same tenant in memory. An entry that may bring money to a client may bring it to suspense:
    where its money lies is known once it is posted.
    """
    ledgers = file.columns()[1]
    takers = {index: _source(file, index) for index in file.waiting()}
    takers = {index: source for index, source in takers.items() if source is not None}
    if not takers:
        return set()
    awaited = {(source, ledgers[index]) for index, source in takers.items()}
    before = {each for other in others if other.position < file.position for _, each in _brought(other)} & awaited
    own = list(_brought(file))
    return {
        index
        for index, source in takers.items()
        if (source, ledgers[index]) in before or any(at < index and to == (source, ledgers[index]) for at, to in own)
    }


def _source(file: EvidenceFile, index: int) -> bytes | None:
    """Returns from where an entry takes money, None where it takes none from within the book."""
    disposition, client = file.disposition(index), file.client(index)
    if disposition is Disposition.ALLOCATE:
        return IN_SUSPENSE
    if disposition not in TAKES or disposition is Disposition.CHARGE:
        return None
    if any(client):
        return client
    return IN_SUSPENSE if disposition is Disposition.RETRACT else None


def _brought(file: EvidenceFile) -> Iterator[tuple[int, tuple[bytes, int]]]:
    """Yields where waiting entries of a file bring money to: the account, or suspense, and its ledger."""
    ledgers = file.columns()[1]
    for index in file.waiting():
        if file.disposition(index) in (*CREDITS, Disposition.ALLOCATE):
            to = file.client(index) if file.asks_client(index) else IN_SUSPENSE
            yield index, (to, ledgers[index])
