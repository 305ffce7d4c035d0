"""Between the acts: what takes two people. One proposes, another confirms, and nobody is both."""

from dataclasses import replace

from ringfence.client import Client
from ringfence.commands.errors import CommandFailed
from ringfence.identity import require_done
from ringfence.ledger import Purpose

from ringfence_local_stack.demo.onboarding import Stage

VERSION = "demo-1"
LARGEST_PAYMENT_MINOR = 50_000_00
REFUSAL = "SECOND_PERSON_REQUIRED"


def adopt_rules(stage: Stage, first: Client, second: Client) -> bool:
    """Has two operators bound the platform's payments; whether it took them now, or they had done it before.

    Raises CommandFailed where one of them is enough.
    """
    rules = first.custody.rules(stage.book_id)
    bounded = [
        replace(each, maximum_minor=LARGEST_PAYMENT_MINOR) if each.purpose is Purpose.PAYMENT else each
        for each in rules.purposes
    ]
    proposal = first.custody.adopt_rules(stage.book_id, VERSION, bounded)
    if proposal is None:
        return False
    (alone,) = first.proposals["custody"].confirm([proposal])
    if alone.reason != REFUSAL:
        raise CommandFailed(f"the operator who proposed rules confirms them: {alone.reason or 'done'}")
    if first.custody.rules(stage.book_id).version == VERSION:
        raise CommandFailed("rules are in force that nobody has confirmed")
    require_done(second.proposals["custody"].confirm([proposal], "a bound on payments was agreed"))
    return True
