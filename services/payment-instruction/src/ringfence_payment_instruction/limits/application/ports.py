"""What limits ask of others. Adapters answer; tests answer with fakes of these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from ringfence_payment_instruction.submissions.domain.past import InstructionRef


class Funds(Protocol):
    """The ledger, as far as it tells what accounts have."""

    async def available_minor(self, tenant: bytes, token: str, accounts: Collection[bytes]) -> Mapping[bytes, int]:
        """Returns what each account that is there may be debited for now, minor units.

        Raises CustodyUnavailable, AuthorisationRefused.
        """


MOST_EACH = 32
"""Payments of one fingerprint that are looked at, the newest."""


class Question(NamedTuple):
    """Where payments of fingerprints were ordered: from a day on (since 1970-01-01), before a position of the feed."""

    fingerprints: Sequence[bytes]
    before_position: int
    from_day: int


class RecentPayments(Protocol):
    """The payments of the last days by fingerprint; blocks, raises StoreUnavailable."""

    def look_up(self, question: Question) -> dict[bytes, list[InstructionRef]]:
        """Returns where each fingerprint was ordered, the newest `MOST_EACH`; those that were not are left out."""
