"""A safeguarding day whose leaves were written to end the verifier rather than to pass it."""

from __future__ import annotations

from datetime import date

import pytest
from ringfence_verifier import VerificationError, day_id, verify_safeguarding
from ringfence_verifier import safeguarding as kinds

from .notes import leaf

TENANT, DAY = bytes(16), date(2026, 11, 27)
DAYS = (DAY - date(1970, 1, 1)).days
ID = day_id(TENANT, "pool", 978, DAY)


def cut(day: int, mirrors: int) -> bytes:
    """What was cut of the books, as far as it names the day."""
    return leaf(kinds.CUT, day_id=ID, tenant_id=TENANT, pool="pool", ledger=978, day=day, mirrors=mirrors)


@pytest.mark.parametrize("day", [1 << 62, -(1 << 62), 10**8, -(10**6)])
def test_a_day_that_no_calendar_has_is_refused(day: int) -> None:
    """A day outside of the years 1 to 9999 is a VerificationError, and no overflow."""
    with pytest.raises(VerificationError, match="calendar"):
        verify_safeguarding([cut(day, 0)])


def test_mirrors_without_number_are_refused() -> None:
    """A day that claims 2^62 mirrors is refused by the leaves it has; nobody counts up to there."""
    rest = [leaf(kind, day_id=ID, version=1) for kind in (kinds.COMPUTED, kinds.PREPARED, kinds.REVIEWED, kinds.SIGNED)]
    with pytest.raises(VerificationError, match="not every mirror"):
        verify_safeguarding([cut(DAYS, 1 << 62), *rest])
