"""What an answer says is so, also when it is asked for again."""

from __future__ import annotations

from ringfence.errors import RingfenceError
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, AccountFlag, NewAccount
from ringfence_local_stack.scenario import Scenario

from .registry import Finding, case

TRIES, ROWS = 20, 5


@case()
def listed_at_once(scenario: Scenario, need: Finding) -> None:
    """What a submission's answer names is in the list that is asked for next, or the list says that it is behind."""
    platform = scenario.platform("Nora Vale", "Ivo Marsh")
    nora, ivo = platform.customers("Nora Vale", "Ivo Marsh")
    short = 0
    for _ in range(TRIES):
        submission = new_id()
        platform.submit([platform.order(nora.iban, ivo.iban, ivo.name, 1) for _ in range(ROWS)], submission)
        short += len(list(platform.client.payments.list_instructions(submission_id=submission))) != ROWS
    need(not short, f"{short} of {TRIES} lists are short")


@case()
def linked_accounts_again(scenario: Scenario, need: Finding) -> None:
    """A row twice in one chain breaks the chain by its name; the request is answered."""
    platform = scenario.platform(banked=False)
    twice = NewAccount(id=new_id(), account_class=AccountClass.PLATFORM, currency="EUR", flags=AccountFlag.LINKED)
    last = NewAccount(id=new_id(), account_class=AccountClass.PLATFORM, currency="EUR")
    try:
        statuses = [each.status for each in platform.client.custody.create_accounts([twice, twice, last])]
    except RingfenceError as refusal:
        need(False, f"the request is refused with {refusal.reason or refusal.code}")
        return
    need(statuses == ["linked_event_failed", "exists", "linked_event_failed"], f"answered {statuses}")
