"""Fills a new register of the erased from the audit log's leaves, where the old one is lost."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ringfence_kernel.service import CannotRun
from ringfence_kernel.values.ids import new_id

from ringfence_identity.parties.application.ports import ErasureRegister, Registered, RegisterMark
from ringfence_identity.parties.domain.errors import ErasureRegisterUnavailable

ID_BYTES = 16
Erased: TypeAlias = tuple[bytes, bytes, bool]
"""A tenant, its party, and whether the id was another's before: a subject of its own then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """Fills `register` for the database that has `mark`.

    `subject_of` gives whom a tenant means by an id, which was another's before or not as the log has it: the database
    may be from before both. `ibans_of` gives the indexes of what stands for a subject's accounts, by the database.
    """

    register: ErasureRegister
    mark: RegisterMark
    subject_of: Callable[[bytes, bytes, bool], bytes]
    ibans_of: Callable[[bytes], Iterator[bytes]]

    def __call__(self, erased: Sequence[Erased]) -> int:
        """Puts in who is erased; the marker, without which nobody leads, comes last.

        Returns how many stand there. Raises CannotRun where the register is another database's, and
        ErasureRegisterUnavailable; then the same again goes on.
        """
        known = self.mark.known() or new_id()
        if self.register.marker() not in (b"", known):
            raise CannotRun("the register has the marker of another database: name an empty place")
        for tenant, party, taken in erased:
            subject = self.subject_of(tenant, party, taken)
            self.register.add(Registered(subject, tenant, party, tuple(self.ibans_of(subject))))
        self.register.mark(known)
        self.mark.keep(known)
        return len(set(self.register.subjects()))


def read_erasures(file: Path) -> list[Erased]:
    """Returns what `ringfence-audit erasures` of this release has printed; raises CannotRun for anything else."""
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))["erasures"]
        erased = [(bytes.fromhex(each["tenant"]), bytes.fromhex(each["party"]), each["taken"]) for each in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{file} is not what ringfence-audit erasures prints ({type(error).__name__})") from None
    if any(len(each) != ID_BYTES for tenant, party, _ in erased for each in (tenant, party)):
        raise CannotRun(f"{file} names ids that are none")
    if any(not isinstance(taken, bool) for _, _, taken in erased):
        raise CannotRun(f"{file} does not tell whose ids were another's before")
    return erased


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what the verb is told."""
    parser.add_argument("--erasures", type=Path, required=True, help="what ringfence-audit erasures has printed")


def restored(restoring: Restoring, typed: argparse.Namespace) -> Mapping[str, object]:
    """Does it; raises CannotRun."""
    try:
        return {"registered": restoring(read_erasures(typed.erasures))}
    except ErasureRegisterUnavailable as error:
        raise CannotRun(f"{error.reason}: run it again") from None
