"""The command: watches a spool folder until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
import time
from decimal import Decimal
from pathlib import Path

from ringfence_bank_simulator.bank import Bank
from ringfence_bank_simulator.requests import Unreadable, read_decimal
from ringfence_bank_simulator.rules import Rules


def main() -> None:
    """Runs the bank in the folder that the arguments name."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rules = Rules(
        frozenset(arguments.closed_accounts), frozenset(arguments.fail_amounts), frozenset(arguments.silent_amounts)
    )
    bank = Bank(arguments.spool, arguments.accounts, rules, arguments.delay)
    while not stop.is_set():
        bank.work(time.time_ns())
        if arguments.once:
            break
        stop.wait(arguments.interval)


def _amount(text: str) -> Decimal:
    try:
        return read_decimal(text)
    except Unreadable as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ringfence-bank-simulator", description="A bank in a spool folder.")
    parser.add_argument("spool", type=Path, help="the folder with outbox/ and inbox/")
    parser.add_argument("--accounts", nargs="+", required=True, metavar="IBAN", help="the customer's accounts here")
    parser.add_argument("--closed-accounts", nargs="+", default=[], metavar="IBAN", help="payments there: RJCT, AC04")
    parser.add_argument(
        "--fail-amounts", nargs="+", type=_amount, default=[], metavar="AMOUNT", help="payments of it: RJCT, MS03"
    )
    parser.add_argument(
        "--silent-amounts", nargs="+", type=_amount, default=[], metavar="AMOUNT", help="payments of it: no answer"
    )
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="time between arrival and answer")
    parser.add_argument("--interval", type=float, default=0.1, metavar="SECONDS", help="time between two looks")
    parser.add_argument("--once", action="store_true", help="do what is due, then end")
    return parser.parse_args()


if __name__ == "__main__":
    main()
