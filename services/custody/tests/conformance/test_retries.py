"""The same id again: `exists` or the first field that differs, wherever the first one stands; burnt ids stay burnt."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus

from ..ledger import CZK, DEPOSIT, Ledger, Row
from .script import MODES, Case, Run, cases

TABLE = """
== what a resent post leaves out is what its pending transfer says
  accounts  alice 1000, bob
  r1  alice > bob   100  pending user_data_64=7 user_data_32=8 | created
  p1  post r1        40                                     | created
  later
  p1  post r1        40                                     | exists
  p1  post r1        40  debit=alice credit=bob             | exists
  p1  post r1        40  ledger=EUR code=payment            | exists
  p1  post r1        40  user_data_64=7 user_data_32=8      | exists
  p1  post r1        40  linked                             | exists_with_different_flags
  p1  post r1        40                                     | linked_event_failed
  p1  void r1        40                                     | exists_with_different_flags
  p1  post r9        40                                     | exists_with_different_pending_id
  p1  post r1        40  timeout=1                          | exists_with_different_timeout
  p1  post r1        40  debit=bob                          | exists_with_different_debit_account_id
  p1  post r1        40  credit=alice                       | exists_with_different_credit_account_id
  p1  post r1        41                                     | exists_with_different_amount
  p1  post r1        40  user_data_128=x                    | exists_with_different_user_data_128
  p1  post r1        40  user_data_64=9                     | exists_with_different_user_data_64
  p1  post r1        40  user_data_32=9                     | exists_with_different_user_data_32
  p1  post r1        40  ledger=CZK                         | exists_with_different_ledger
  p1  post r1        40  code=fee                           | exists_with_different_code
      alice   0 40 / 0 1000

== what a post said itself is not what its pending transfer says
  accounts  alice 1000, bob
  r1  alice > bob   100  pending user_data_64=7 user_data_32=8 | created
  p1  post r1        40  user_data_64=1 user_data_32=2 user_data_128=x | created
  p1  post r1        40  user_data_64=1 user_data_32=2 user_data_128=x | exists
  p1  post r1        40  user_data_64=1 user_data_32=2 user_data_128=0 | exists_with_different_user_data_128
  p1  post r1        40                 user_data_32=2 user_data_128=x | exists_with_different_user_data_64
  p1  post r1        40  user_data_64=1                user_data_128=x | exists_with_different_user_data_32

== a part that was posted is asked for again by its amount
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1        40                                     | created
  later
  p1  post r1        40                                     | exists
  p1  post r1         0                                     | exists_with_different_amount
  p1  post r1        39                                     | exists_with_different_amount
  p1  post r1       100                                     | exists_with_different_amount
  p1  post r1       101                                     | exists_with_different_amount
  p1  post r1       all                                     | exists_with_different_amount

== everything that was posted is asked for again by any amount that covers it
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1       100                                     | created
  later
  p1  post r1       100                                     | exists
  p1  post r1       101                                     | exists
  p1  post r1       all                                     | exists
  p1  post r1        99                                     | exists_with_different_amount
  p1  post r1         0                                     | exists_with_different_amount

== nothing that was posted is nothing again
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  p1  post r1         0                                     | created
  p1  post r1         0                                     | exists
  p1  post r1       all                                     | exists_with_different_amount

== a void is asked for again by 0 or by the amount
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  v1  void r1         0                                     | created
  later
  v1  void r1         0                                     | exists
  v1  void r1       100                                     | exists
  v1  void r1        99                                     | exists_with_different_amount
  v1  void r1       all                                     | exists_with_different_amount

== a reservation exists whatever became of it
  accounts  alice 1000, bob
  r1  alice > bob   100  pending                            | created
  r2  alice > bob   100  pending timeout=5                  | created
  p1  post r1       all                                     | created
  r1  alice > bob   100  pending                            | exists
  wait 5.1
  expire
  r2  alice > bob   100  pending timeout=5                  | exists
      alice   0 100 / 0 1000

== a resent row is compared before anything else is checked
  accounts  alice 1000, bob
  t1  alice > bob   100                                     | created
  later
  freeze alice
  t1  alice > bob   100                                     | exists
  t1  alice > alice 100                                     | exists_with_different_credit_account_id
  t1  alice > nobody 100                                    | exists_with_different_credit_account_id
  t1  alice > bob   100  ledger=0                           | exists_with_different_ledger
  t1  alice > bob   all                                     | exists_with_different_amount
  t1  post t1       all                                     | exists_with_different_flags
  t1  alice > bob   100  flags=256                          | reserved_flag

== an id that is burnt stays burnt, in the batch and for ever, whatever it asks for
  accounts  alice 100, bob, carol
  t1  carol > bob     1                                     | exceeds_credits
  t1  carol > bob     1                                     | id_already_failed
  later
  t0  alice > carol  50                                     | created
  t1  carol > bob     1                                     | id_already_failed
  t1  alice > bob     1                                     | id_already_failed
  t1  post t0       all  pending                            | id_already_failed
  t1  alice > alice   1                                     | id_already_failed
  t1  alice > bob     1  flags=256                          | reserved_flag
  restart
  t1  carol > bob     1                                     | id_already_failed
      carol   0 0 / 0 50

== an id that was refused for its form is free
  accounts  alice 100, bob, karel CZK
  t1  alice > alice   1                                     | accounts_must_be_different
  t1  alice > karel   1                                     | accounts_must_have_the_same_ledger
  t1  alice > bob     1  ledger=CZK                         | transfer_must_have_the_same_ledger_as_accounts
  t1  alice > bob   max                                     | exceeds_credits
  t2  alice > bob   all                                     | overflows_debits_posted
  t2  alice > bob     1                                     | created
"""
STORED = Row("stored", "alice", "bob", 100, 2, timeout=30, user_data_64=7, user_data_32=8, value_date=20_000)
DIFFERENCES = {
    "exists_with_different_flags": {"flags": 0},
    "exists_with_different_pending_id": {"pending_id": "other"},
    "exists_with_different_timeout": {"timeout": 31},
    "exists_with_different_debit_account_id": {"debit": "carol"},
    "exists_with_different_credit_account_id": {"credit": "carol"},
    "exists_with_different_amount": {"amount": 99},
    "exists_with_different_user_data_128": {"user_data_128": bytes(16)},
    "exists_with_different_user_data_64": {"user_data_64": 0},
    "exists_with_different_user_data_32": {"user_data_32": 2**32 - 1},
    "exists_with_different_ledger": {"ledger": CZK},
    "exists_with_different_code": {"code": DEPOSIT},
    "exists_with_different_value_date": {"value_date": 20_001},
    "exists": {},
}
PLACES = ("in the same batch", "in the same commit", "in a later commit", "after a restart", "after two restarts")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", cases(TABLE), ids=str)
def test_retries(case: Case, mode: str) -> None:
    """Every row has its published result and every account its balances, wherever commits and restarts fall."""
    Run(mode).play(case)


def sent_again(row: Row, place: str) -> tuple[str, bool]:
    """Sends STORED, then a row with its id; returns the name of the result, and whether the first time was told."""
    ledger = Ledger()
    for name in ("alice", "bob", "carol"):
        ledger.account(name)
    ledger.fund("alice", 1_000)
    if place == PLACES[0]:
        outcome = ledger.decide(STORED, row)
        return CreateTransferStatus(outcome.status[1]).name.lower(), outcome.timestamp_ns[0] == outcome.timestamp_ns[1]
    first = ledger.decide(STORED).timestamp_ns[0]
    if place != PLACES[1]:
        ledger.commit()
    for _ in range(max(0, PLACES.index(place) - 2)):
        ledger.book = ledger.replayed()
    outcome = ledger.decide(row)
    return CreateTransferStatus(outcome.status[0]).name.lower(), outcome.timestamp_ns[0] == first


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", DIFFERENCES)
def test_a_field_that_differs_is_named(code: str, place: str) -> None:
    """A resent row answers the field that differs; the same row answers exists, with the first time."""
    changed = replace(STORED, **DIFFERENCES[code])  # type: ignore[arg-type]
    assert sent_again(changed, place) == (code, code == "exists")


@pytest.mark.parametrize(("first", "second"), list(combinations([each for each in DIFFERENCES if each != "exists"], 2)))
def test_the_first_of_two_fields_that_differ_is_named(first: str, second: str) -> None:
    """Flags are compared first, then the pending transfer and the timeout, then the rest in order."""
    changed = replace(STORED, **{**DIFFERENCES[second], **DIFFERENCES[first]})  # type: ignore[arg-type]
    assert sent_again(changed, PLACES[2])[0] == first


def test_a_value_date_left_out_is_not_compared() -> None:
    """A retry on a later day, with the value date left to the ledger, is the same transfer."""
    ledger = Ledger()
    for name in ("alice", "bob"):
        ledger.account(name)
    today = Row("today", "alice", "bob", 0)
    assert ledger.send(today) == ["created"]
    ledger.advance(86_400)
    assert ledger.send(today) == ["exists"]
