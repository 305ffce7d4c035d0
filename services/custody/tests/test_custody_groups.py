"""Groups of everything at once, through commits that fail, are in doubt or come second: memory is what events say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ringfence_custody.ledger.adapters.batches import StoredBatches
from ringfence_custody.ledger.application.commands import Poster
from ringfence_custody.ledger.domain import known_ids
from ringfence_custody.ledger.domain.authority import Reach
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.packed import unpacked
from ringfence_custody.ledger.domain.purposes import MINIMUM
from ringfence_custody.ledger.domain.result_codes import AMOUNT_MAX, TransferFlag
from ringfence_custody.ledger.domain.rule_packs import rules_of
from ringfence_custody.modules import ModuleStates
from ringfence_kernel.service import replay_into
from ringfence_kernel.store import EventStore, Head, VersionConflict
from ringfence_kernel.values.errors import DomainError, StoreUnavailable
from ringfence_kernel.writing import writer
from ringfence_kernel.writing.snapshots import SnapshotFile, take

from .conftest import CODEC, Custody, running
from .ledger import DEPOSIT, EUR, IMPORTER, MANDATE, PAYMENT, SECOND, WITHDRAWAL, Row, columns_of, id_of
from .test_custody_service import OWNER, PLATFORM, open_accounts

F = TransferFlag
POSTER = Poster(IMPORTER.owner, Reach.MIGRATION)
CLIENTS = [f"client {number}" for number in range(6)]
WAYS = [("client", "client", PAYMENT)] * 5 + [("bank", "client", DEPOSIT), ("client", "bank", WITHDRAWAL)]
LEAST = rules_of(MINIMUM)
CAPPED = [replace(each, maximum_minor=20) if each.code == PAYMENT else each for each in LEAST]
PACKS = {"minimum": LEAST, "capped": CAPPED}


class Crowd:
    """Callers who send whatever comes to mind, all at once."""

    def __init__(self, random: Random) -> None:
        """Chooses by `random`."""
        self.random = random
        self.ids: list[str] = []
        self.reserved: list[str] = []
        self.clients = list(CLIENTS)

    def row(self) -> Row:
        """Returns a transfer: plain, reserved, posting, voiding, linked, balancing; one in ten has an old id."""
        random = self.random
        name = f"t{len(self.ids)}"
        if self.ids and random.random() < 0.1:
            name = random.choice(self.ids[-40:])
        self.ids.append(name)
        flags = int(random.choice([0] * 6 + [F.LINKED, F.PENDING, F.PENDING, F.BALANCING_DEBIT]))
        if self.reserved and random.random() < 0.1:
            flags, amount = random.choice([(4, AMOUNT_MAX), (4, 1), (8, 0)])
            return Row(name, amount=amount, flags=flags, pending_id=random.choice(self.reserved[-9:]), code=0, ledger=0)
        debit, credit, code = random.choice(WAYS)
        payer, payee = random.sample(self.clients[-8:], 2)
        ends = payer if debit == "client" else debit, payee if credit == "client" else credit
        made = Row(name, *ends, random.choice([1, 5, 30, 400]), flags, code=code)
        if flags == F.PENDING:
            self.reserved.append(name)
            return replace(made, timeout=random.choice([0, 1, 3]))
        return made

    async def command(self, custody: Custody) -> None:
        """Sends one command."""
        random, commands = self.random, custody.commands
        somebody = [id_of(random.choice(CLIENTS))]
        match random.choice(["transfers"] * 6 + ["account", "freeze", "status", "rules", "expiry"]):
            case "transfers":
                columns = columns_of([self.row() for _ in range(random.choice([1, 3, 12, 40]))])
                with_balances = random.random() < 0.2
                await commands.create_transfers(PLATFORM, columns, POSTER, with_balances=with_balances)
            case "account":
                self.clients.append(f"client {len(self.clients)}")
                columns_of_account = AccountColumns(id_of(self.clients[-1]), OWNER, [1], [EUR], [1])
                await commands.create_accounts(PLATFORM, columns_of_account)
            case "freeze":
                if random.random() < 0.4:
                    await commands.set_freeze(PLATFORM, somebody, "order", MANDATE)
                else:
                    await custody.lift(PLATFORM, somebody, "order")
            case "status":
                status = random.choice([AccountStatus.RESTRICTED, AccountStatus.ACTIVE])
                await custody.move(PLATFORM, somebody, status)
            case "rules":
                version = random.choice(list(PACKS))
                await custody.adopt(PLATFORM, version, PACKS[version])
            case "expiry":
                await commands.expire()

    async def come(self, custody: Custody) -> None:
        """Sends some commands together; refusals are theirs to bear."""
        count = self.random.choice([1, 4, 9])
        results = await asyncio.gather(*(self.command(custody) for _ in range(count)), return_exceptions=True)
        assert [each for each in results if each is not None and not isinstance(each, DomainError)] == []
        custody.clock.advance(self.random.choice([0, SECOND // 3, SECOND]))


def failing(append: Callable[..., Head], random: Random) -> Callable[..., Head]:
    """Returns a commit that takes place, or does not, or does and loses the answer, or is told to have come second."""

    def attempt(*arguments: Any) -> Head:
        chance = random.random()
        if chance < 0.15:
            raise VersionConflict("as if")
        if chance < 0.25:
            raise StoreUnavailable("before")
        head = append(*arguments)
        if chance < 0.35:
            raise StoreUnavailable("after")
        return head

    return attempt


async def settle(custody: Custody) -> None:
    """Has the service take in what is committed."""
    custody.writer.is_stale = True
    while not custody.writer.is_settled:
        with suppress(DomainError):
            await custody.writer.commit(lambda unit: None)


def check(custody: Custody) -> None:
    """Compares a book, and all that it keeps beside its state, with one made from events alone."""
    states = ModuleStates.over(lambda: StoredBatches(custody.store, CODEC))
    replay_into(custody.store, CODEC, states.together())
    fresh = states.ledger
    assert fresh.digest() == custody.state.digest()
    book, replayed = custody.state.books[PLATFORM], fresh.books[PLATFORM]
    for name in ("debit_key", "credit_key", "covered", "index"):
        assert getattr(book.accounts, name) == getattr(replayed.accounts, name)
    assert {owner: owned for owner, owned in book.accounts.of_owner.items() if owned} == replayed.accounts.of_owner
    assert not any(each.any() for each in book.accounts.scratch())
    left = [book.sealed, book.open.id, book.open.burnt, book.open.resolved]
    assert not any(left)
    due = {(created, identifier) for _, created, identifier in book.deadlines}
    assert due >= {(each.timestamp, each.id) for each in book.pending.values() if each.timeout}
    kept = book.totals.net[EUR]
    book.count_anew()
    assert book.totals.net[EUR] == kept


def check_ids(store: EventStore, book: Book) -> None:
    """Compares the ids that are known with those that were created or burnt, each once."""
    seen: set[bytes] = set()
    for recorded in store.replay(CODEC):
        if isinstance(recorded.event, TransfersCreated):
            for identifier in [*(batch := unpacked(recorded.event)).id, *batch.burnt]:
                assert identifier not in seen
                seen.add(identifier)
                assert batch.number in book.known.numbers(identifier)


@pytest.mark.parametrize("seed", range(4))
async def test_memory_is_what_events_say(
    custody: Custody, stores: Callable[[], EventStore], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    """Whatever comes in one group, and whatever becomes of its commit, no trace of it is left beside its events.

    A rival sometimes writes to the same book, a snapshot is taken on the way, and a restart from it is the same book.
    """
    random, crowd, broken = Random(seed), Crowd(Random(seed)), list[str]()
    monkeypatch.setattr(known_ids, "FIRST_BITS", 9)
    monkeypatch.setattr(writer, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(writer.log, "exception", broken.append)
    file = SnapshotFile(tmp_path, "custody")
    await open_accounts(custody, names=CLIENTS)
    monkeypatch.setattr(custody.writer.store, "append", failing(custody.writer.store.append, random))
    async with running(stores) as rival:
        for turn in range(40):
            await crowd.come(custody)
            if random.random() < 0.2:
                rival.clock.advance(custody.clock.now_ns() - rival.clock.now_ns())
                await crowd.come(rival)
            await settle(custody)
            check(custody)
            if turn == 20 and (snapshot := take(custody.writer, custody.whole)):
                file.write(snapshot)
    async with running(stores, file) as again:
        again.clock.advance(custody.clock.now_ns() - again.clock.now_ns())
        for _ in range(5):
            await crowd.come(again)
            check(again)
        check_ids(again.store, again.state.books[PLATFORM])
    assert len(again.state.books[PLATFORM].fates) > 200
    assert not broken
