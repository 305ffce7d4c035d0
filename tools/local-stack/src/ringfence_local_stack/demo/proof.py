"""Last act: the regulator finds the payments, gets a receipt, and checks it without trusting anybody here."""

import time
from dataclasses import dataclass

from ringfence.audit import Leaf, Receipt
from ringfence.client import Client
from ringfence.commands.errors import CommandFailed
from ringfence.ledger import Totals
from ringfence_verifier import Fact, VerifiedLeaf, read_leaf, verify_receipt

from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.payments import Followed

LOG_SECONDS = 30.0
_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Found:
    """The facts that the log holds about one payment."""

    payment: Followed
    facts: list[tuple[Leaf, Fact]]

    @property
    def statuses(self) -> list[str]:
        """The states it went through, as the log tells them."""
        return [fact.text("status") for _, fact in self.facts if "status" in fact.fields]


def find(regulator: Client, payments: list[Followed]) -> list[Found]:
    """Searches the log for each payment, once the log has followed it to its end."""
    end = time.monotonic() + LOG_SECONDS
    while True:
        found = [_search(regulator, each) for each in payments]
        late = [each.payment.name for each in found if each.payment.last.status.name not in each.statuses]
        if not late:
            return found
        if time.monotonic() > end:
            raise CommandFailed(f"the audit log does not know the end of {', '.join(late)} after {LOG_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)


def prove(regulator: Client, found: Found, log_key: str) -> tuple[Receipt, VerifiedLeaf]:
    """Fetches the receipt of the payment's last step and verifies it offline with the log's public key."""
    last = [leaf for leaf, fact in found.facts if "status" in fact.fields][-1]
    receipt = regulator.audit.receipt(last.index)
    return receipt, verify_receipt(receipt.proof, log_key, leaf=last.content)


def check_books(operator: Client, stage: Stage) -> Totals:
    """The totals of the platform's book; raises CommandFailed where they do not balance, or an account differs.

    Accounts are compared with the script only while the demo's own transfers are all that there is in the book.
    """
    totals = operator.custody.totals(stage.book_id)
    wrong = [currency for currency, balanced in totals.balanced_currencies().items() if not balanced]
    if wrong or not totals.classes:
        raise CommandFailed(f"the book of {stage.platform.name} does not balance: {', '.join(wrong) or 'it is empty'}")
    if totals.transfers < stage.platform.transfers:
        raise CommandFailed(f"{stage.platform.name} has {totals.transfers} transfers, not {stage.platform.transfers}")
    if totals.transfers == stage.platform.transfers:
        _compare_accounts(operator, stage)
    return totals


def _compare_accounts(operator: Client, stage: Stage) -> None:
    expected = stage.platform.balances
    names = {stage.account(name): name for name in expected}
    for account in operator.custody.accounts(list(names), stage.book_id):
        name, found = names.pop(account.id), account.balances.posted_minor
        if found != expected[name]:
            raise CommandFailed(f"{stage.platform.name}: {name} has {found}, expected was {expected[name]}")
        if account.balances.reserved_minor:
            raise CommandFailed(f"{stage.platform.name}: money of {name} is still set aside")
    if names:
        raise CommandFailed(f"{stage.platform.name}: no account of {', '.join(names.values())}")


def _search(regulator: Client, payment: Followed) -> Found:
    leaves = list(regulator.audit.search(payment.id))
    return Found(payment, [(leaf, read_leaf(leaf.content)) for leaf in leaves])
