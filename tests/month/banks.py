"""Three banks, played by the simulator, and the courier between them and the rail: files are late, doubled or lost."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.client import Client
from ringfence_bank_simulator.bank import Bank as Simulator
from ringfence_bank_simulator.booked import Movement, unpacked
from ringfence_bank_simulator.rules import Rules
from ringfence_bank_simulator.spool import WITHDRAWN, waiting
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.scenario import Scenario, eventually, fresh

SETTLEMENT = re.compile(rb"<IntrBkSttlmDt>[0-9-]+</IntrBkSttlmDt>")
WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class File:
    """What a bank has written."""

    name: str
    content: bytes


@dataclass
class House:
    """A bank: its spool is its own, and what it writes is carried by hand.

    The bank of the rail is given payments, and its files go through the inbox; others hand in by RPC.
    """

    folder: Path
    feed: Client
    rail: Path | None = None
    sequence: dict[str, int] = field(default_factory=dict)
    handed: int = 0
    """How many files were put into the inbox: their names keep the order."""

    def __post_init__(self) -> None:
        """Opens the bank; its accounts are those that it is asked about."""
        self.simulator = Simulator(private_folder(self.folder), [""], Rules())

    def ask(self, **request: Any) -> list[File]:
        """What it writes when it is asked for something; raises AssertionError where it refuses."""
        message_id = fresh("Q")
        requests = self.folder / "simulator" / "requests"
        hidden = requests / f".{message_id}"
        hidden.write_text(json.dumps({"message_id": message_id, **request}))
        hidden.rename(requests / f"{message_id}.json")
        self.simulator.work(time.time_ns())
        assert (self.folder / "simulator" / "done" / f"{message_id}.json").exists(), request
        return self._written()

    def pay(self, day: date) -> list[File]:
        """What it answers to all payments that lie in the rail's outbox, booked on a day."""
        assert self.rail is not None
        for path in [each.path for each in waiting(self.rail / "outbox", ".xml")]:
            content = path.read_bytes()
            if content != WITHDRAWN:
                settled = SETTLEMENT.sub(f"<IntrBkSttlmDt>{day}</IntrBkSttlmDt>".encode(), content)
                (self.folder / "outbox" / path.name).write_bytes(settled)
                path.write_bytes(b"")
        self.simulator.work(time.time_ns())
        return self._written()

    def statement(self, iban: str, currency: str, first: date, last: date, **request: Any) -> list[File]:
        """A statement of some days, under the next number."""
        self.sequence[iban] = self.sequence.get(iban, 0) + 1
        asked = {
            "account_iban": iban,
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "currency": currency,
            "sequence": self.sequence[iban],
            **request,
        }
        return self.ask(statement=asked)

    def holds_minor(self, iban: str, until: date = date.max) -> int:
        """What is on an account, by all that the bank has booked until a day."""
        booked = [each for each in self._booked(iban) if date.fromisoformat(each.day) <= until]
        return int(100 * sum((each.signed for each in booked), Decimal(0)))

    def first_reference(self, iban: str, day: date) -> str:
        """The reference of the largest movement of a day, of equals the first booked: the same one in every run."""
        booked = [each for each in self._booked(iban) if each.day == day.isoformat()]
        return max(booked, key=lambda each: each.signed).reference

    def _booked(self, iban: str) -> list[Movement]:
        files = waiting(self.folder / "simulator" / "booked", ".json")
        return [each for file in files for each in unpacked(file.path.read_bytes()) if each.account == iban]

    def deliver(self, files: Iterable[File]) -> None:
        """Brings files to us, and waits until they are taken or refused."""
        if self.rail is None:
            for file in files:
                self.feed.statements.submit(file.content)
            return
        inbox = private_folder(self.rail / "inbox")
        for file in files:
            hidden = inbox / f".{fresh()}"
            hidden.write_bytes(file.content)
            hidden.rename(inbox / f"{self.handed:08d}-{file.name}")
            self.handed += 1
        assert eventually(lambda: not [each for each in inbox.iterdir() if each.is_file()], WAIT_SECONDS)

    def _written(self) -> list[File]:
        inbox = self.folder / "inbox"
        files = [File(each.name, each.read_bytes()) for each in sorted(inbox.iterdir())]
        for each in inbox.iterdir():
            each.unlink()
        return files


def houses(scenario: Scenario, feeds: Iterable[Client]) -> list[House]:
    """The bank of the rail, and one for each feed."""
    folder = private_folder(scenario.stack.directory / "banks")
    rail = House(folder / "0", scenario.sandbox.bank_feed, spool_folder(scenario.stack.directory))
    return [rail, *(House(folder / str(number), feed) for number, feed in enumerate(feeds, start=1))]
