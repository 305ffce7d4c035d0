"""What an account has room for: limits of both sides, balancing, closing, and the bounds of every sum."""

from __future__ import annotations

import pytest

from .script import MODES, Case, Run, cases

TABLE = """
== a client spends what it has, and not a unit more
  accounts  alice 100, bob
  t1  alice > bob   101                                     | exceeds_credits
  t2  alice > bob   100                                     | created
  t3  alice > bob     1                                     | exceeds_credits
  t4  alice > bob     0                                     | created

== what is reserved counts on the own side at once, and on the other only when posted
  accounts  alice 100, bob
  r1  alice > bob    60  pending                            | created
  t1  alice > bob    41                                     | exceeds_credits
  t2  bob > alice     1                                     | exceeds_credits
  t3  alice > bob    40                                     | created
  p1  post r1        10                                     | created
  t4  bob > alice    50                                     | created

== a bank mirror gives what it has received, and not a unit more
  accounts  alice 100, bob 50, other bank
  t1  alice > other   1  code=withdrawal                    | exceeds_debits
  r1  alice > bank  100  pending                            | created
  t2  bob > bank     50                                     | created
      bank    0 150 / 100 50
  t3  bank > alice    1                                     | created
  later
  t4  bob > bank      1                                     | exceeds_credits

== credits reserved at a bank count there at once
  accounts  alice 100, other bank
  t1  other > alice   7  code=deposit                       | created
  r1  alice > other   5  pending code=withdrawal            | created
  t2  alice > other   3  code=withdrawal                    | exceeds_debits
  t3  alice > other   2  code=withdrawal                    | created

== a balancing debit takes what is there, down to 0, and never fails for lack of funds
  accounts  alice 100, bob
  r1  alice > bob    30  pending                            | created
  b1  alice > bob    50  balancing_debit                    | created
      alice   30 50 / 0 100
  b2  alice > bob   all  balancing_debit                    | created
      alice   30 70 / 0 100
  b3  alice > bob   all  balancing_debit                    | created
  b4  alice > bob     0  balancing_debit                    | created
      alice   30 70 / 0 100

== a balancing credit gives what there is room for on the credit side
  accounts  alice 100, bob 50
  t1  bob > bank     50                                     | created
  b1  alice > bank  all  balancing_credit                   | created
      bank    0 150 / 0 150
  t2  bank > bob      5                                     | created
  b2  alice > bank  all  balancing_credit                   | exceeds_credits

== a balancing credit counts what is reserved for the credit side
  accounts  alice 100, other bank
  t1  other > alice   9  code=deposit                       | created
  r1  alice > other   4  pending code=withdrawal            | created
  b1  alice > other all  balancing_credit code=withdrawal   | created
      other   0 9 / 4 5

== both sides balance: the smaller of the two moves
  accounts  alice 100, bob 50
  b1  alice > bank  all  balancing_debit balancing_credit   | created
      alice   0 100 / 0 100
  t1  bank > alice    9                                     | created
  b2  alice > bank  all  balancing_debit balancing_credit   | created
      alice   0 109 / 0 109
  b3  bob > bank     20  balancing_debit balancing_credit   | created
      bob     0 20 / 0 50

== a balancing credit to a client that is not overdrawn moves nothing
  accounts  alice 100, bob 50
  b1  alice > bob   all  balancing_credit                   | created
      alice   0 0 / 0 100

== a balancing transfer may be pending, and reserves what it would have moved
  accounts  alice 100, bob
  b1  alice > bob   all  pending balancing_debit            | created
      alice   100 0 / 0 100
  p1  post b1        40                                     | created
      alice   0 40 / 0 100

== a retry of a balancing transfer asks for at least what was moved
  accounts  alice 100, bob
  b1  alice > bob   500  balancing_debit                    | created
  later
  b1  alice > bob   500  balancing_debit                    | exists
  b1  alice > bob   all  balancing_debit                    | exists
  b1  alice > bob   100  balancing_debit                    | exists
  b1  alice > bob    99  balancing_debit                    | exists_with_different_amount
  b1  alice > bob   100                                     | exists_with_different_flags

== closing closes at once: nothing moves any more, but voids
  accounts  alice 100, bob, carol
  r1  carol > bob     0  pending                            | created
  r2  alice > carol  10  pending                            | created
  r3  alice > carol  20  pending                            | created
  c1  carol > bob     0  pending closing_debit code=closure | created
  t1  carol > bob     0                                     | debit_account_already_closed
  t2  alice > carol   1                                     | credit_account_already_closed
  p1  post r1         0                                     | debit_account_already_closed
  p2  post r2        10                                     | credit_account_already_closed
  v3  void r3         0                                     | created
  c2  carol > bob     0  pending closing_debit code=closure | debit_account_already_closed
  v1  void c1         0                                     | created
  t3  alice > carol   1                                     | created
  p4  post r2        10                                     | created

== closing the credit side, and both sides at once
  accounts  alice 100, bob, carol
  c1  alice > bob     0  pending closing_credit code=closure                 | created
  t1  alice > bob     1                                     | credit_account_already_closed
  t2  alice > carol   1                                     | created
  c2  alice > carol   0  pending closing_debit closing_credit code=closure   | created
  t3  alice > bob     1                                     | debit_account_already_closed
  v2  void c2         0                                     | created
  t4  alice > carol   1                                     | created
  t5  alice > bob     1                                     | credit_account_already_closed

== a closing transfer is pending, is never posted, and reopens when its time is over
  accounts  alice 100, carol
  c0  carol > alice   0  closing_debit code=closure         | closing_transfer_must_be_pending
  c0  carol > alice   0  closing_credit code=closure        | closing_transfer_must_be_pending
  c1  carol > alice   0  pending closing_debit code=closure timeout=5  | created
  p1  post c1       all                                     | debit_account_already_closed
  wait 5.1
  t1  alice > carol   1                                     | credit_account_already_closed
  expire
  t2  alice > carol   1                                     | created

== a closing transfer may sweep what is left
  accounts  alice 100, bob
  c1  alice > bob   all  pending closing_debit balancing_debit code=closure  | created
      alice   100 0 / 0 100
  t1  alice > bob     1                                     | debit_account_already_closed

== an account may be opened closed
  accounts  alice 100, shut closed
  t1  alice > shut    1                                     | credit_account_already_closed
  t2  shut > alice    1                                     | debit_account_already_closed

== what passes the bound of a sum says which, debit side first
  accounts  alice 100, bob 100, spent 50, still
  t0  spent > bob    50                                     | created
  r0  alice > bob    10  pending                            | created
  o1  alice > bob   max  pending                            | overflows_debits_pending
  o1  still > bob   max  pending                            | overflows_credits_pending
  o1  spent > still max                                     | overflows_debits_posted
  o1  still > bob   max                                     | overflows_credits_posted
  o1  alice > still max                                     | overflows_debits
  o1  still > bob   max150                                  | overflows_credits

== every sum may reach its bound, and a unit more is too much
  accounts  alice 100, bob 100, spent 50, still
  t0  spent > bob    50                                     | created
  r0  alice > bob    10  pending                            | created
  o1  alice > still max9    pending                         | overflows_debits_pending
  x1  alice > still max10   pending                         | exceeds_credits
  o1  still > bob   max9    pending                         | overflows_credits_pending
  o1  still > bob   max10   pending                         | overflows_credits_posted
  o1  spent > still max49                                   | overflows_debits_posted
  x2  spent > still max50                                   | exceeds_credits
  o1  still > bob   max149                                  | overflows_credits_posted
  o1  still > bob   max150                                  | overflows_credits
  o1  alice > still max9                                    | overflows_debits
  x3  alice > still max10                                   | exceeds_credits
  o1  still > bob   max159                                  | overflows_credits
  x4  still > bob   max160                                  | exceeds_credits

== an amount beyond the bound is refused by the first sum that it would pass
  accounts  alice 100, bob
  o1  alice > bob   all                                     | overflows_debits_posted
  o1  alice > bob   9223372036854775808                     | overflows_debits_posted
  o1  alice > bob   all  pending                            | overflows_debits_pending
  o1  alice > bob   max                                     | exceeds_credits

== the largest amount is an amount
  accounts  alice, other bank
  t1  other > alice max  code=deposit                       | created
      alice   0 0 / 0 9223372036854775807
  t2  other > alice   1  code=deposit                       | overflows_debits_posted
  b1  alice > other all  balancing_debit code=withdrawal    | created
      alice   0 9223372036854775807 / 0 9223372036854775807
  t3  alice > other   1  code=withdrawal                    | overflows_debits_posted

== a clipped amount is what is checked against the sums
  accounts  alice 100, bob 100
  r0  alice > bob    10  pending                            | created
  b1  alice > bob   max  balancing_debit                    | created
      alice   10 90 / 0 100

== an overdraft goes as far as the guarantee, and is no other client's money
  accounts  alice 100, debtor overdraft_covered, guarantee 50, fees
  t1  debtor > alice 51                                     | overdraft_not_covered
  t2  debtor > alice 30                                     | created
  r1  debtor > alice 20  pending                            | created
  t3  debtor > alice  1                                     | overdraft_not_covered
  g1  guarantee > debtor 1  code=call                       | created
  t4  debtor > alice  1                                     | overdraft_not_covered
"""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", cases(TABLE), ids=str)
def test_limits(case: Case, mode: str) -> None:
    """Every row has its published result and every account its balances, wherever commits and restarts fall."""
    Run(mode).play(case)
