"""How each method that takes two people is called, and how to look whether it happened: one row per method.

The matrix in `test_two_people.py` is derived from the protos. A method with `two_people` that has no row here fails it.
"""

from . import of_custody, of_identity, of_payments, of_reconciliation, of_registers, of_safeguarding
from .acts import ROWS, Act, Newcomer, People, method_of

__all__ = [
    "ROWS",
    "Act",
    "Newcomer",
    "People",
    "method_of",
    "of_custody",
    "of_identity",
    "of_payments",
    "of_reconciliation",
    "of_registers",
    "of_safeguarding",
]
