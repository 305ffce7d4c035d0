"""In which order entries are posted: nothing is taken or allocated before what was to bring it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringfence_payment_instruction.deposits.domain.evidence import CREDITS, TAKES, Disposition, EvidenceFile
from ringfence_payment_instruction.submissions.domain.submission import slot

IN_SUSPENSE, ALLOTTED = b"", b"allotted"
"""Stand where a client's account would: for suspense, and for what is on its way from there to clients."""
_Pot = tuple[bytes, int]
"""An account, and its ledger."""


def held_back(file: EvidenceFile, others: Iterable[EvidenceFile]) -> set[int]:
    """Returns the waiting entries of a file that take or allocate what an earlier one has yet to bring, or to allot.

    `others` are files of the same tenant in memory. An entry that may bring money to a client may bring it to suspense:
    where its money lies is known once it is posted.
    """
    ledgers = file.columns()[1]
    takers = {index: pots for index in file.waiting() if (pots := _sources(file, index))}
    if not takers:
        return set()
    earlier = [other for other in others if other.position < file.position]
    before = {pot for other in earlier for _, pot in _brought(other)}
    unposted = {entry for other in (*earlier, file) for entry in _waiting_entries(other)}
    first: dict[_Pot, int] = {}
    for index, pot in _brought(file):
        first.setdefault(pot, index)
    return {
        index
        for index, pots in takers.items()
        for pot in ((each, ledgers[index]) for each in pots)
        if pot in before or first.get(pot, index) < index or file.origin(index) in unposted
    }


def _sources(file: EvidenceFile, index: int) -> tuple[bytes, ...]:
    """Returns from where an entry takes money within the book, and what must be done with it before."""
    disposition, client = file.disposition(index), file.client(index)
    if disposition is Disposition.ALLOCATE:
        return (IN_SUSPENSE,)
    if disposition not in TAKES or disposition is Disposition.CHARGE:
        return ()
    if any(client):
        return (client,)
    return (IN_SUSPENSE, ALLOTTED) if disposition is Disposition.RETRACT else ()


def _waiting_entries(file: EvidenceFile) -> Iterator[bytes]:
    return (slot(file.event.entry_ids, index) for index in file.waiting())


def _brought(file: EvidenceFile) -> Iterator[tuple[int, _Pot]]:
    """Yields where waiting entries of a file bring money to, or that they allot it."""
    ledgers = file.columns()[1]
    for index in file.waiting():
        disposition = file.disposition(index)
        if disposition in (*CREDITS, Disposition.ALLOCATE) and not file.is_repayment(index):
            yield index, (file.client(index) if file.asks_client(index) else IN_SUSPENSE, ledgers[index])
        if disposition is Disposition.ALLOCATE:
            yield index, (ALLOTTED, ledgers[index])
