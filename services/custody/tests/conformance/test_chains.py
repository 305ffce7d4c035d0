"""Linked chains of all shapes: they succeed or fail as a whole, and what follows stands by itself."""

from __future__ import annotations

import pytest

from .script import MODES, Case, Run, cases

TABLE = """
== a chain ends with the first row that is not linked
  accounts  alice 1000, bob
  c1  alice > bob     1  linked                             | created
  c2  alice > bob     2  linked                             | created
  c3  alice > bob     4                                     | created
  t1  alice > bob     8                                     | created
      alice   0 15 / 0 1000

== the row that broke it says why, those before and after that they were linked to it
  accounts  alice 1000, bob, carol
  c1  alice > bob     1  linked                             | linked_event_failed
  c2  carol > bob     2  linked                             | exceeds_credits
  c3  alice > bob     4  linked                             | linked_event_failed
  c4  alice > bob     8                                     | linked_event_failed
  t1  alice > bob    16                                     | created
      alice   0 16 / 0 1000

== the first row breaks it, or the last
  accounts  alice 1000, bob, carol
  a1  carol > bob     1  linked                             | exceeds_credits
  a2  alice > bob     2                                     | linked_event_failed
  b1  alice > bob     1  linked                             | linked_event_failed
  b2  carol > bob     2                                     | exceeds_credits
      alice   0 0 / 0 1000

== chains follow each other without a gap, each by itself
  accounts  alice 1000, bob, carol
  a1  alice > bob     1  linked                             | created
  a2  alice > bob     2                                     | created
  b1  alice > bob     4  linked                             | linked_event_failed
  b2  carol > bob     8                                     | exceeds_credits
  c1  alice > bob    16  linked                             | created
  c2  alice > bob    32                                     | created
      alice   0 51 / 0 1000

== only the first that fails says why
  accounts  alice 1000, bob, carol
  c1  carol > bob     1  linked                             | exceeds_credits
  c2  carol > bob     1  linked flags=256                   | linked_event_failed
  c3  alice > alice   1                                     | linked_event_failed

== a chain of one row
  accounts  alice 1000, bob
  c1  alice > bob     1  linked                             | linked_event_chain_open
      alice   0 0 / 0 1000

== a chain that is open at the end of the batch fails
  accounts  alice 1000, bob
  t1  alice > bob     1                                     | created
  c1  alice > bob     2  linked                             | linked_event_failed
  c2  alice > bob     4  linked                             | linked_event_chain_open
  later
  t2  alice > bob     8                                     | created
      alice   0 9 / 0 1000

== a linked last row leaves the chain open even when it is broken already, or the row is malformed
  accounts  alice 1000, bob, carol
  c1  carol > bob     1  linked                             | exceeds_credits
  c2  alice > bob     2  linked                             | linked_event_chain_open
  later
  c3  alice > bob     2  linked flags=256                   | linked_event_chain_open

== exists breaks a chain, at its first row and in the midst
  accounts  alice 1000, bob
  c1  alice > bob     1  linked                             | created
  c2  alice > bob     2                                     | created
  later
  c1  alice > bob     1  linked                             | exists
  c2  alice > bob     2                                     | linked_event_failed
  later
  d1  alice > bob     4  linked                             | linked_event_failed
  c1  alice > bob     1  linked                             | exists
  d2  alice > bob     8                                     | linked_event_failed
      alice   0 3 / 0 1000

== a row of a chain resent by itself has other flags
  accounts  alice 1000, bob
  c1  alice > bob     1  linked                             | created
  c2  alice > bob     2                                     | created
  later
  c1  alice > bob     1                                     | exists_with_different_flags
  c2  alice > bob     2                                     | exists

== the burnt id stays burnt, its companions may use theirs again
  accounts  alice 1000, bob, carol
  c1  alice > bob     1  linked                             | linked_event_failed
  c2  carol > bob     2  linked                             | exceeds_credits
  c3  alice > bob     4                                     | linked_event_failed
  later
  c1  alice > bob     1                                     | created
  c2  alice > bob     2                                     | id_already_failed
  c3  alice > bob     4                                     | created

== a row sees what the rows of its chain did before it
  accounts  alice 100, bob, carol
  c1  alice > bob   100  linked                             | created
  c2  bob > carol   100  linked                             | created
  c3  carol > bank  100                                     | created
      carol   0 100 / 0 100

== what a broken chain reserved, posted, voided and closed is as it was
  accounts  alice 1000, bob, carol
  r1  alice > bob   100  pending                            | created
  r2  alice > bob   200  pending timeout=5                  | created
  later
  c1  post r1        40  linked                             | linked_event_failed
  c2  void r2         0  linked                             | linked_event_failed
  c3  alice > bob   300  linked pending                     | linked_event_failed
  c4  carol > bob     0  linked pending closing_debit code=closure  | linked_event_failed
  c5  carol > bob     1                                     | debit_account_already_closed
  later
      alice   300 0 / 0 1000
  p1  post r1       all                                     | created
  p3  post c3       all                                     | pending_transfer_not_found
  t1  alice > carol   5                                     | created
  wait 5.1
  expire
      alice   0 105 / 0 1000

== an id of a broken chain may be used again in the same batch
  accounts  alice 1000, bob, carol
  c1  alice > bob     1  linked                             | linked_event_failed
  c2  carol > bob     2                                     | exceeds_credits
  c1  alice > bob     7                                     | created
  c1  alice > bob     7                                     | exists
      alice   0 7 / 0 1000

== an id twice in one chain
  accounts  alice 1000, bob
  c1  alice > bob     1  linked                             | linked_event_failed
  c1  alice > bob     1  linked                             | exists
  c2  alice > bob     2                                     | linked_event_failed
      alice   0 0 / 0 1000

== a reservation and its post in one chain
  accounts  alice 1000, bob
  r1  alice > bob   100  linked pending                     | created
  p1  post r1        60                                     | created
  later
  p2  post r1        60                                     | pending_transfer_already_posted
      alice   0 60 / 0 1000
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", cases(TABLE), ids=str)
def test_chains(case: Case, mode: str) -> None:
    """Every row has its published result and every account its balances, wherever commits and restarts fall."""
    Run(mode).play(case)
