"""The rows of custody's safeguarding."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

from ringfence.safeguarding import Component, DayKey
from ringfence_local_stack.scenario import Scenario
from ringfence_verifier import read_leaf

from .acts import Act, People, row

LOG_SECONDS = 20.0
POOL = "e-money"


def states(scenario: Scenario, tenant_id: UUID, kind: str) -> Callable[[], bool]:
    """Returns what tells whether the log, which has all that there is by then, states such a fact of a platform."""
    audit = scenario.regulator.audit

    def is_stated() -> bool:
        end = time.monotonic() + LOG_SECONDS
        while any(each.logged_position < each.current_position for each in audit.verify_sources()):
            assert time.monotonic() < end, "the log is behind"
            time.sleep(0.05)
        return any(read_leaf(leaf.content).kind == kind for leaf in audit.search(tenant_id=tenant_id))

    return is_stated


@row("RegisterResource")
def register_resource(people: People) -> Act:
    """A guarantee that counts for a year."""
    key = DayKey(people.platform().credentials.principal_id, "EUR", date(2027, 1, 4))
    until, amount_minor = date(2027, 12, 31), 1_000_000
    return Act(
        "custody",
        lambda by: by.safeguarding.register_resource(key, Component.INSURANCE, amount_minor, until, b"d" * 32),
        states(people.scenario, key.tenant_id, "custody.resource_registered.v1"),
    )


@row("AssignPool")
def assign_pool(people: People) -> Act:
    """Accounts of a code that belong to the other pool then."""
    tenant, code = people.platform().credentials.principal_id, 7
    return Act(
        "custody",
        lambda by: by.safeguarding.assign_pool(tenant, code, POOL),
        states(people.scenario, tenant, "custody.pool_assigned.v1"),
    )
