"""The rows of statements: one of a bank's, from its bytes to rows for custody, in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from ringfence_kernel.service.serving import YOUNG_OBJECTS
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.statements.adapters.files import read_statement_file
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.outcome import outcome_of
from ringfence_payment_instruction.statements.domain.sources import OurPayments, Sources
from ringfence_payment_instruction.statements.domain.state import take_in
from ringfence_payment_instruction.statements.domain.statement import Detail, StatementFile
from ringfence_payment_instruction.statements.domain.taking import entries_of, take_telling, telling_of
from ringfence_payment_instruction.submissions.domain.orders import Alias

from bench.load import Seen
from bench.rows import Results, row

NAME = "statements"
CONTROL = "reading alone"
ACCOUNT, DAY, EURO = "DE89370400440532013000", date(2026, 11, 27), 978
CLIENTS, LARGEST_MINOR, DEBITS = 2_000, 300_000, 0.25
TENANT, MIRROR = (external_id("bench", ZERO_ID, name) for name in ("tenant", "mirror"))


def statements(results: Results, sizes: Iterable[int]) -> None:
    """Takes in statements of so many entries, of which no news has told."""
    for entries in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measured, (entries,))
        seen = Seen(entries, found["seconds"], [found["seconds"] * 1000])
        control = CONTROL, entries / found["read_seconds"]
        results.add(row(NAME, entries, 1, seen, control, cpu_seconds=found["seconds"], extra_mb=found["extra_mb"]))


def measured(entries: int) -> dict[str, Any]:
    """Returns seconds of processor time, those of reading alone, and megabytes beside the file."""
    content = statement_of(entries)
    gc.freeze()  # as services do
    gc.set_threshold(YOUNG_OBJECTS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    file = read_statement_file(content)
    read = time.process_time() - started
    rows = decided(file)
    seconds = time.process_time() - started
    if rows != entries:
        raise RuntimeError(f"{rows} rows of {entries} entries")
    extra = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": seconds, "read_seconds": read, "extra_mb": extra * 1024 / 1e6}


def decided(file: StatementFile) -> int:
    """Decides on a statement and applies what follows; returns how many rows custody is to post."""
    (statement,) = file.statements
    clients = {_iban(number): _client(number) for number in range(CLIENTS)}

    def client_of(detail: Detail) -> bytes:
        client = clients.get(detail.party("Cdtr").account.iban)
        return client.account_id if client else ZERO_ID

    told = telling_of(MIRROR, statement, file.sha256, DAY, client_of)
    known = Movements()
    sources = Sources(
        mirror=Alias(TENANT, MIRROR, TENANT, True),
        heading=statement.heading,
        entries=dict(zip(told.entry_ids, entries_of(statement), strict=True)),
        reason_of=lambda named: "",
        payments=OurPayments(),
        earlier={},
        origins={},
        clients=clients,
        owners={each.account_id: each.owner_id for each in clients.values()},
        currency="EUR",
    )
    events = take_telling(known, MIRROR, "EUR", statement, told, file.sha256, DAY)
    outcome = outcome_of(known, events, told.id, EURO, sources, lambda day: day - 3)
    journal = Journal()
    for event in outcome.events:
        take_in(event, known, journal)
    return len(outcome.rows)


def statement_of(entries: int) -> bytes:
    """Returns a camt.053 whose entries are one transaction each, with references, payer and payee."""
    amounts = random.Random(1)
    total, told = 0, []
    for number in range(entries):
        amount, is_debit = amounts.randint(1, LARGEST_MINOR), amounts.random() < DEBITS
        total += -amount if is_debit else amount
        told.append(_entry(number, amount, "DBIT" if is_debit else "CRDT"))
    return "".join(_around(total, told)).encode()


def _around(total: int, told: list[str]) -> Iterator[str]:
    yield (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>'
        f"<CreDtTm>{DAY}T20:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S</Id><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id>"
        "<Ccy>EUR</Ccy></Acct>"
    )
    for code, minor in (("OPBD", 0), ("CLBD", total)):
        yield (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(abs(minor))}"
            f"<CdtDbtInd>{'CRDT' if minor >= 0 else 'DBIT'}</CdtDbtInd><Dt><Dt>{DAY}</Dt></Dt></Bal>"
        )
    yield from told
    yield "</Stmt></BkToCstmrStmt></Document>"


def _entry(number: int, amount_minor: int, direction: str) -> str:
    amount = f"{_amount(amount_minor)}<CdtDbtInd>{direction}</CdtDbtInd>"
    return (
        f"<Ntry><NtryRef>{number}</NtryRef>{amount}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{DAY}</Dt></BookgDt><ValDt>"
        f"<Dt>{DAY}</Dt></ValDt><AcctSvcrRef>R{number}</AcctSvcrRef><BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd><NtryDtls>"
        f"<TxDtls><Refs><EndToEndId>E{number}</EndToEndId><TxId>T{number}</TxId></Refs>{amount}<RltdPties><Dbtr><Pty>"
        f"<Nm>Payer {number}</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>{_iban(CLIENTS + number)}</IBAN></Id></DbtrAcct>"
        f"<Cdtr><Pty><Nm>Client</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>{_iban(number % CLIENTS)}</IBAN></Id></CdtrAcct>"
        f"</RltdPties><RmtInf><Ustrd>invoice {number}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _amount(minor: int) -> str:
    return f'<Amt Ccy="EUR">{minor // 100}.{minor % 100:02d}</Amt>'


def _iban(number: int) -> str:
    return f"DE{number:020d}"


def _client(number: int) -> Alias:
    account, owner = (external_id("bench", TENANT, f"{kind} {number}") for kind in ("account", "owner"))
    return Alias(TENANT, account, owner, False)
