"""How soon a suspension is heeded: from the operator's answer to custody's first refusal, with NATS and without."""

from __future__ import annotations

import time
from random import Random
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import require_done

from bench.book import Book
from bench.load import Seen
from bench.rows import Results, row
from bench.sdk import payment
from bench.stack import MeasuredStack

NAME = "revocation"
ROUNDS = 50
PAUSE_SECONDS = 0.005
QUIET_SECONDS = 0.37
GIVEN_UP_SECONDS = 30.0


def revocation_row(measured: MeasuredStack, book: Book, results: Results) -> None:
    """Suspends the book's importer again and again, and lets it act again; milliseconds."""
    started = time.monotonic()
    heard = sorted(_round(measured, book) for _ in range(ROUNDS))
    measured.stack.nats.stop()
    try:
        unheard = sorted(_round(measured, book) for _ in range(ROUNDS))
    finally:
        measured.stack.nats.start()
    figures = {
        "revoked_p50_ms": heard[ROUNDS // 2],
        "revoked_worst_ms": heard[-1],
        "without_nats_p50_ms": unheard[ROUNDS // 2],
        "without_nats_worst_ms": unheard[-1],
    }
    seen = Seen(rows=2 * ROUNDS, seconds=time.monotonic() - started)
    results.add(row(NAME, 1, 1, seen, None, **figures))


def _round(measured: MeasuredStack, book: Book) -> float:
    # Whoever has just heard something looks again at once: a suspension comes when nobody expects it.
    time.sleep(QUIET_SECONDS)
    first, second = measured.sandbox.operators
    importer = book.importer.credentials.principal_id
    require_done(first.identity.suspend_principals([importer], "bench"))
    heeded_ms = 1_000 * _seconds_until(book, refused=True)
    _let_act(first, second, importer)
    _seconds_until(book, refused=False)
    return heeded_ms


def _let_act(first: Client, second: Client, principal: UUID) -> None:
    """Has both operators lift the suspension: the one proposes, the other confirms."""
    (proposed,) = first.identity.confirm_principals([principal])
    assert proposed.proposal_id is not None
    require_done(second.proposals["identity"].confirm([proposed.proposal_id]))


def _seconds_until(book: Book, *, refused: bool) -> float:
    """Returns for how long a payment had another answer."""
    began, random = time.monotonic(), Random()
    while time.monotonic() < began + GIVEN_UP_SECONDS:
        try:
            book.importer.custody.create_transfers(book.book_id, [payment(book, random)])
            was_refused = False
        except RingfenceError as error:
            was_refused = error.reason == "PRINCIPAL_SUSPENDED"
        if was_refused is refused:
            return time.monotonic() - began
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError("a suspension, or its end, was not heeded")
