"""The canonical form of a day's figures (docs/formats.md): the same events give the same bytes, whenever."""

from __future__ import annotations

from datetime import date, timedelta

from ringfence_custody.safeguarding.domain.figures import Computation

FORMAT = "ringfence-safeguarding/1"
_EPOCH = date(1970, 1, 1)


def document(
    computation: Computation, day: int, pool: str, ledger: int, version: int, breaks: int, *, is_late: bool
) -> str:
    """Returns the text; `breaks` are open when it is computed, `is_late` says that it was cut late."""
    books, facts = computation.books, computation.facts
    lines = [
        FORMAT,
        f"day {_EPOCH + timedelta(day)} pool {pool} currency {ledger:03d} version {version}"
        f"{' late' if is_late else ''}",
        f"requirement {computation.requirement_minor} clients {books.clients_minor} suspense {books.suspense_minor}",
        f"resource {computation.resource_minor} funds {computation.funds_minor}"
        f" unplaced {computation.unplaced_minor} assets {facts.assets_minor} insurance {facts.insurance_minor}",
        f"internal {computation.internal_minor}",
        f"received overdue {computation.overdue_minor}",
    ]
    for each in sorted(computation.banks, key=lambda bank: bank.number):
        lines.append(
            f"mirror {each.number} books {each.mirror_minor} bank {each.bank_minor} between {each.between_minor}"
            f" difference {each.difference_minor}"
        )
    lines += [
        f"external {computation.external_minor}",
        f"own {books.own_minor} owed {books.owed_minor} held {books.held_minor}",
        f"breaks {breaks}",
    ]
    return "\n".join(lines) + "\n"
