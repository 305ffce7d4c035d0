"""From birth a sandbox knows its business days: this year's and the next one's lists, by its two operators."""

from datetime import UTC, datetime

from ringfence.calendars import LISTED
from ringfence.drafting import draft
from ringfence.errors import RingfenceError
from ringfence.identity import require_done

from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.running import RunningStack

NEEDED = frozenset({"identity", "custody"})


def list_years(stack: RunningStack) -> None:
    """Has both operators list what is not listed yet, as the library drafts it; raises RingfenceError.

    A custody of the release before has no calendars, and is left without.
    """
    this_year = datetime.now(UTC).year
    with Sandbox(stack) as box:
        first, second = box.operators
        proposals = []
        for calendar in LISTED:
            try:
                listed = {each.year for each in first.calendars.get(calendar).years}
            except RingfenceError as error:
                if error.code == "UNIMPLEMENTED":
                    return
                raise
            wanted = [draft(calendar, year) for year in (this_year, this_year + 1) if year not in listed]
            proposals += [first.calendars.propose_year(each) for each in wanted]
        if waiting := [each for each in proposals if each is not None]:
            require_done(second.proposals["custody"].confirm(waiting))
