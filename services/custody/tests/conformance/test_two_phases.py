"""Pending transfers: posted, voided, partly, late, twice, in the batch of their reservation or after a restart."""

from __future__ import annotations

import pytest

from ..ledger import SECOND, id_of
from .script import MODES, Case, Run, cases, row_of

TABLE = """
== all that is pending is posted by the maximum, and as well by its amount
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  r2  alice > bob   100  pending                            | created
      alice   200 0 / 0 1000
      bob     0 0 / 200 0
  p1  post r1       all                                     | created
  p2  post r2       100                                     | created
      alice   0 200 / 0 1000
      bob     0 0 / 0 200

== a part is posted and the rest released
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1        40                                     | created
      alice   0 40 / 0 1000
      bob     0 0 / 0 40
  p2  post r1        60                                     | pending_transfer_already_posted

== nothing is posted by 0, and everything released
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1         0                                     | created
      alice   0 0 / 0 1000
  v1  void r1         0                                     | pending_transfer_already_posted

== a void releases all, by 0 or by the amount, never a part
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  r2  alice > bob   100  pending                            | created
  v0  void r1        99                                     | pending_transfer_has_different_amount
  v0  void r1       101                                     | exceeds_pending_transfer_amount
  v0  void r1       all                                     | exceeds_pending_transfer_amount
  v1  void r1         0                                     | created
  v2  void r2       100                                     | created
      alice   0 0 / 0 1000
      bob     0 0 / 0 0
  p1  post r1       all                                     | pending_transfer_already_voided

== no more is posted than was reserved
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1       101                                     | exceeds_pending_transfer_amount
      alice   100 0 / 0 1000

== a post says the same as its pending transfer, or nothing
  accounts  alice 1000, bob, carol
  r1  alice > bob   100  pending user_data_64=7             | created
  p1  post r1       100  debit=carol                        | pending_transfer_has_different_debit_account_id
  p1  post r1       100  credit=carol                       | pending_transfer_has_different_credit_account_id
  p1  post r1       100  ledger=CZK                         | pending_transfer_has_different_ledger
  p1  post r1       100  code=fee                           | pending_transfer_has_different_code
  p1  post r1       100  debit=alice credit=bob ledger=EUR code=payment user_data_64=8  | created

== a post reserves nothing, balances nothing, closes nothing, and is no void
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1       all  pending                            | flags_are_mutually_exclusive
  p1  post r1       all  void_pending_transfer              | flags_are_mutually_exclusive
  p1  post r1       all  balancing_debit                    | flags_are_mutually_exclusive
  p1  post r1       all  balancing_credit                   | flags_are_mutually_exclusive
  p1  post r1       all  closing_debit                      | flags_are_mutually_exclusive
  p1  post r1       all  closing_credit                     | flags_are_mutually_exclusive
  v1  void r1         0  pending                            | flags_are_mutually_exclusive
  v1  void r1         0  balancing_debit                    | flags_are_mutually_exclusive
  v1  void r1         0  balancing_credit                   | flags_are_mutually_exclusive
  v1  void r1         0  closing_debit                      | flags_are_mutually_exclusive
  v1  void r1         0  closing_credit                     | flags_are_mutually_exclusive
  p1  post r1       all                                     | created

== what a batch reserves it may resolve, and its fate is known at once and later
  accounts  alice 1000, bob, carol
  r1  alice > bob   100  pending                            | created
  p1  post r1        60                                     | created
  v1  void r1         0                                     | pending_transfer_already_posted
  t1  carol > bob     1                                     | exceeds_credits
  r2  alice > bob    10  pending                            | created
  later
  v1  void r1         0                                     | pending_transfer_already_posted
  v2  void r2         0                                     | created
      alice   0 60 / 0 1000

== only what is pending can be posted, and only by another id
  accounts  alice 1000, bob
  t1  alice > bob   100                                     | created
  r1  alice > bob   100  pending                            | created
  p1  post t1       all                                     | pending_transfer_not_pending
  p1  post p1       all                                     | pending_id_must_be_different
  p1  post r1       all  timeout=1                          | timeout_reserved_for_pending_transfer
  p1  post r1       all                                     | created
  p2  post p1       all                                     | pending_transfer_not_pending
  p3  post nothing  all                                     | pending_transfer_not_found
  p3  post r1       all                                     | id_already_failed
  t2  alice > bob     1  pending_id=r1                      | pending_id_must_be_zero

== what a refused row would have reserved cannot be posted
  accounts  alice 10, bob
  r1  alice > bob    11  pending                            | exceeds_credits
  p1  post r1       all                                     | pending_transfer_not_found

== time is over at the deadline, for posts and voids alike
  accounts  alice 1000, bob
  r1  alice > bob   100  pending timeout=5                  | created
  r2  alice > bob   100  pending timeout=5                  | created
  wait 4.9
  p1  post r1       all                                     | created
  wait 0.2
  p2  post r2       all                                     | pending_transfer_expired
  v2  void r2         0                                     | pending_transfer_expired
      alice   100 100 / 0 1000
  expire
      alice   0 100 / 0 1000
  p2  post r2       all                                     | pending_transfer_expired

== the money of an expired reservation is free only once the expiry is an event
  accounts  alice 100, bob
  r1  alice > bob   100  pending timeout=5                  | created
  wait 5.1
  t1  alice > bob     1                                     | exceeds_credits
  expire
  t2  alice > bob   100                                     | created

== a reservation without a timeout never expires, and one that is resolved neither
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  r2  alice > bob    10  pending timeout=5                  | created
  r3  alice > bob     1  pending timeout=5                  | created
  p2  post r2       all                                     | created
  v3  void r3         0                                     | created
  wait 4000000000
  expire
      alice   100 10 / 0 1000
  p4  post r2       all                                     | pending_transfer_already_posted
  p5  post r3       all                                     | pending_transfer_already_voided
  p1  post r1       all                                     | created

== amounts are compared before the fate, and the fate before the deadline
  accounts  alice 1000, bob
  r1  alice > bob   100  pending timeout=5                  | created
  p1  post r1        40                                     | created
  wait 9
  p2  post r1       101                                     | exceeds_pending_transfer_amount
  v2  void r1        99                                     | pending_transfer_has_different_amount
  v2  void r1         0                                     | pending_transfer_already_posted

== a plain transfer has no timeout
  accounts  alice 1000, bob
  t1  alice > bob   100  timeout=1                          | timeout_reserved_for_pending_transfer
  t1  alice > bob   100                                     | created
"""


def test_a_deadline_is_kept_when_a_commit_fails() -> None:
    """A reservation whose post was never committed is released at its deadline, though an expiry passed over it."""
    run = Run(MODES[1])
    run.play(*cases("== before\n accounts alice 1000, bob\n r1 alice > bob 100 pending timeout=5 | created"))
    ledger, book = run.ledger, run.ledger.book
    mark = len(book.open), len(book.open.burnt), book.last_timestamp
    assert ledger.decide(row_of("p1", None, None, "post", "r1", "all", "")).status == bytes(1)
    ledger.advance(6)
    assert book.decide_expiry(ledger.now_ns, 10) is None
    book.undo(*mark)
    ledger.expire()
    assert ledger.balances("alice") == (0, 0, 0, 1_000)


@pytest.mark.parametrize(("early_ns", "result"), [(1, "created"), (0, "pending_transfer_expired")])
def test_a_deadline_is_exact_to_the_nanosecond(early_ns: int, result: str) -> None:
    """The row that has the deadline itself for its time is too late, the one before it is not."""
    run = Run(MODES[1])
    run.play(*cases("== before\n accounts alice 1000, bob\n r1 alice > bob 100 pending timeout=5 | created"))
    reserved = run.ledger.book.pending[id_of("r1")]
    run.ledger.now_ns = reserved.timestamp + 5 * SECOND - early_ns
    run.play(*cases(f"== after\n p1 post r1 all | {result}"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", cases(TABLE), ids=str)
def test_two_phases(case: Case, mode: str) -> None:
    """Every row has its published result and every account its balances, wherever commits and restarts fall."""
    Run(mode).play(case)
