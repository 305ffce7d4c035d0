"""What reconciliation has open, as safeguarding asks for it."""

from dataclasses import replace
from functools import partial

from ringfence_custody.reconciliation.domain.breaks import Break, Kind, Side, Status
from ringfence_custody.reconciliation.domain.mirror import Mirror, Statement
from ringfence_custody.reconciliation.domain.state import State
from ringfence_custody.safeguarding.adapters.reconciled import Reconciled
from ringfence_custody.safeguarding.domain.figures import OpenSums

from .world import EUR, MIRROR, MONDAY, TENANT

SENT = Break(b"1" * 16, TENANT, MIRROR, Side.BOOKS, b"2" * 16, Kind.TIMING, EUR, 5, False, MONDAY, MONDAY, MONDAY + 1)


def _open(found: Break, day: int = MONDAY) -> int:
    state = State()
    state.breaks[found.id] = found
    return len(Reconciled(state).open_breaks(TENANT, [MIRROR], day))


def test_a_payment_on_its_way_stands_between_no_day_and_its_signature() -> None:
    """It is waited for until the next statement; from then on, and once somebody has it, it is open."""
    statuses = (Status.WAITING, Status.MATCHED, Status.CLOSED, Status.CLASSIFIED, Status.ESCALATED, Status.ASSIGNED)
    assert [_open(replace(SENT, status=each)) for each in statuses] == [0, 0, 0, 1, 1, 1]


def test_a_break_of_a_later_day_is_not_of_this_one() -> None:
    """Days are closed in order."""
    assert (_open(SENT), _open(SENT, MONDAY - 1)) == (1, 0)


def test_what_is_open_is_not_known_before_breaks_were_looked_for() -> None:
    """A day is not computed of a statement whose breaks nobody can have seen."""
    state = State()
    mirror = state.mirrors[TENANT, MIRROR] = Mirror(TENANT, MIRROR, EUR)
    mirror.statement = Statement(b"3" * 16, MONDAY, MONDAY, 0, 0, 0)
    sums = partial(Reconciled(state).sums, TENANT, MIRROR, MONDAY, MONDAY - 1, 0, 0)
    assert sums() is None
    mirror.assessed = mirror.statement.telling
    assert sums() == OpenSums()
    mirror.statement = mirror.statement._replace(telling=b"4" * 16)
    assert sums() is None
