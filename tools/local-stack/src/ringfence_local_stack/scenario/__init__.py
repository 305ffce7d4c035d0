"""The API for tests and checks from outside: a platform's life on real servers, the bank played by the caller.

What stands in `__all__` is promised and described in `docs/scenario.md`; the modules below it may move.
"""

from ringfence_local_stack.scenario import messages
from ringfence_local_stack.scenario.account import Account
from ringfence_local_stack.scenario.bank import Bank
from ringfence_local_stack.scenario.ibans import iban_of, new_iban, same_remainder
from ringfence_local_stack.scenario.payment import Payment
from ringfence_local_stack.scenario.people import Customer, Party
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.scenario import Scenario
from ringfence_local_stack.scenario.waiting import StillWaiting, eventually, fresh

__all__ = [
    "Account",
    "Bank",
    "Customer",
    "Party",
    "Payment",
    "Platform",
    "Scenario",
    "StillWaiting",
    "eventually",
    "fresh",
    "iban_of",
    "messages",
    "new_iban",
    "same_remainder",
]
