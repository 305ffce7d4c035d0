"""The rows of custody's safeguarding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ringfence.client import Client
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewAccount
from ringfence.safeguarding import Component, DayKey
from ringfence_local_stack.scenario import Scenario, eventually
from ringfence_verifier import read_leaf

from .acts import Act, People, row

LOG_SECONDS = 20.0
POOL = "e-money"


def states(scenario: Scenario, platform: Client, kind: str) -> Callable[[], bool]:
    """Returns what tells whether the log states such a fact of a platform: it has what custody published before."""
    audit, tenant_id = scenario.regulator.audit, platform.credentials.principal_id

    def is_stated() -> bool:
        later = NewAccount(id=new_id(), account_class=AccountClass.SUSPENSE, currency="EUR")
        assert all(each.done for each in platform.custody.create_accounts([later]))
        assert eventually(lambda: any(audit.search(later.id)), LOG_SECONDS), "the log is behind"
        return any(read_leaf(leaf.content).kind == kind for leaf in audit.search(tenant_id=tenant_id))

    return is_stated


@row("RegisterResource")
def register_resource(people: People) -> Act:
    """A guarantee that counts for a year."""
    platform = people.platform()
    key = DayKey(platform.credentials.principal_id, "EUR", date(2027, 1, 4))
    until, amount_minor = date(2027, 12, 31), 1_000_000
    return Act(
        "custody",
        lambda by: by.safeguarding.register_resource(key, Component.INSURANCE, amount_minor, until, b"d" * 32),
        states(people.scenario, platform, "custody.resource_registered.v1"),
    )


@row("AssignPool")
def assign_pool(people: People) -> Act:
    """Accounts of a code that belong to the other pool then."""
    platform, code = people.platform(), 7
    return Act(
        "custody",
        lambda by: by.safeguarding.assign_pool(platform.credentials.principal_id, code, POOL),
        states(people.scenario, platform, "custody.pool_assigned.v1"),
    )
