"""All that can happen to payments: the demo's story, and what it leaves out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ringfence.ids import external_id
from ringfence.ledger import AccountStatus
from ringfence.payments import Decision, InstructionStatus, NewInstruction
from ringfence_local_stack.demo import onboarding, proof
from ringfence_local_stack.demo.deposits import receive
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.payments import Followed, follow, submit_batch, submit_file
from ringfence_local_stack.demo.script import content, platforms, refused_amounts
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_verifier import verify_checkpoint, verify_log

FILE = "lantern-pain.001.xml"
END_SECONDS = 90.0
ABOVE_LIMIT_MINOR = 1_100_000
ABROAD, PAYEE = "LU219990000012345678", "Moselle Books"
S = InstructionStatus


def payments(box: Sandbox) -> tuple[list[Stage], list[Followed]]:
    """Onboards the demo's platforms, lets money come in, and pays in every way; returns stages and what was paid."""
    stages = [_enter(box, number) for number in range(2)]
    lender, wallet = stages
    early = order(wallet, "early", 100, wallet.platform.clients[1].iban)
    # Without a sanctions list nothing can be screened: the submission waits, and goes on once there is one.
    await_status(wallet, early, S.AUTHENTICATED)
    time.sleep(1)
    onboarding.import_sanctions(box.operators[0])
    await_status(wallet, early, S.REJECTED)
    ibans = [each.platform.safeguarding_iban for each in stages]
    with simulated_bank(box.stack, ibans, fail_amounts=refused_amounts()):
        for stage in stages:
            receive(stage, spool_folder(box.stack.directory), box.bank_feed)
        followed = follow(lender, *submit_file(lender), lambda *step: None)
        followed += follow(wallet, *submit_batch(wallet), lambda *step: None)
    _refused_files(lender)
    return stages, followed


def decisions(box: Sandbox, stages: Sequence[Stage]) -> None:
    """Held payments cancelled and forgotten, scheduled ones cancelled and left, a bank that stays silent too long."""
    lender, wallet = stages
    rich = lender.platform.clients[2].iban
    forgotten = order(lender, "forgotten", ABOVE_LIMIT_MINOR, ABROAD, debtor=rich)
    held = order(lender, "cancelled", ABOVE_LIMIT_MINOR, ABROAD, debtor=rich)
    await_status(lender, held, S.HELD)
    lender.approver.payments.decide([held], Decision.CANCEL, "ordered by mistake")
    await_status(lender, held, S.CANCELLED)
    for number in (2, 3):
        scheduled = lender.client.payments.submit_file(_scheduled_file(number))
        await_status(lender, scheduled.instruction_ids[0], S.AUTHENTICATED)
        if number == 2:
            lender.approver.payments.decide(scheduled.instruction_ids[:1], Decision.CANCEL, "not needed any more")
            await_status(lender, scheduled.instruction_ids[0], S.CANCELLED)
    silent = order(wallet, "silent", 2_500, ABROAD)
    await_status(wallet, silent, S.UNKNOWN)
    with simulated_bank(box.stack, [wallet.platform.safeguarding_iban]):
        await_status(wallet, silent, S.RECONCILED)
    _frozen_payer(box, wallet)
    await_status(lender, forgotten, S.EXPIRED)


def regulator(box: Sandbox, followed: Sequence[Followed]) -> None:
    """The regulator reads in every way, each of which is a fact of the log."""
    found = proof.find(box.regulator, list(followed))
    proof.prove(box.regulator, found[0], box.log_key())
    audit = box.regulator.audit
    checked = verify_checkpoint(audit.checkpoint(), box.log_key())
    verify_log((leaf.content for leaf in audit.leaves(0, checked.size)), checked)
    audit.consistency_proof(1, checked.size)
    list(audit.search(from_ns=time.time_ns() - 10**9, until_ns=time.time_ns()))
    audit.verify_sources(recompute=True)


def unfinished(stages: Sequence[Stage]) -> None:
    """Leaves open work behind: payments that nobody has decided on, one revoked, and one that no bank has answered."""
    lender, wallet = stages
    stopped = order(lender, "open-revoked", ABOVE_LIMIT_MINOR + 1, ABROAD, debtor=lender.platform.clients[2].iban)
    await_status(lender, stopped, S.HELD)
    revoked = external_id("kept.submission", lender.book_id, "open-revoked")
    lender.client.identity.revoke_authorisation(lender.book_id, revoked, "sent by mistake")
    held = order(lender, "open-held", ABOVE_LIMIT_MINOR, ABROAD, debtor=lender.platform.clients[2].iban)
    await_status(lender, held, S.HELD)
    sent = order(wallet, "open-sent", 1_500, ABROAD)
    await_status(wallet, sent, S.SENT)


def order(stage: Stage, name: str, minor: int, creditor_iban: str, debtor: str = "") -> UUID:
    """Submits one payment; returns its id."""
    instruction = NewInstruction(
        id=external_id("kept.instruction", stage.book_id, name),
        end_to_end_id=f"KEPT-{name}",
        debtor_iban=debtor or stage.platform.clients[0].iban,
        creditor_iban=creditor_iban,
        creditor_name=PAYEE,
        amount_minor=minor,
        currency="EUR",
        remittance=name,
    )
    stage.client.payments.submit(external_id("kept.submission", stage.book_id, name), [instruction])
    return instruction.id


def await_status(stage: Stage, instruction: UUID, status: InstructionStatus) -> None:
    """Waits until the payment stands there; raises AssertionError when it does not in time."""
    end = time.monotonic() + END_SECONDS
    while True:
        (found,) = stage.client.payments.instructions([instruction])
        if found.state.status is status:
            return
        late = time.monotonic() > end or (found.state.status.is_end and not _may_follow(found.state.status, status))
        assert not late, f"{found.order.end_to_end_id} is {found.state}, not {status.name}"
        time.sleep(0.1)


def _may_follow(now: InstructionStatus, wanted: InstructionStatus) -> bool:
    return (now, wanted) == (S.SETTLED, S.RECONCILED)


def _enter(box: Sandbox, number: int) -> Stage:
    stage, operator = onboarding.enter(box, platforms()[number]), box.operators[0]
    onboarding.onboard_clients(stage, operator)
    onboarding.open_book(stage, box.operators)
    onboarding.name_ibans(stage, box.operators, box.bank_feed)
    return stage


def _refused_files(lender: Stage) -> None:
    """Files that are refused whole: a wrong sum, no XML at all, other bytes under a message id that is taken."""
    file = content(FILE)
    wrong_sum = file.replace(b"LANTERN-2026-0001", b"LANTERN-2026-0009").replace(b"41705.50", b"41705.51")
    for refused in (wrong_sum, b"no XML at all", file.replace(b"catering", b"Catering")):
        answer = lender.client.payments.submit_file(refused)
        assert answer.submission_id is None
        assert lender.client.payments.submit_file(refused).status_report


def _scheduled_file(number: int) -> bytes:
    """The demo's file under another message id, to be executed in ten days, one for somebody behind its payee."""
    day = (datetime.now(UTC) + timedelta(days=10)).date().isoformat().encode()
    file = content(FILE).replace(b"LANTERN-2026-0001", b"LANTERN-2026-%04d" % number)
    file = file.replace(b"</CdtrAcct>", b"</CdtrAcct><UltmtCdtr><Nm>Ada Behind</Nm></UltmtCdtr>", 1)
    return file.replace(b"<Dt>2026-01-15</Dt>", b"<Dt>" + day + b"</Dt>")


def _frozen_payer(box: Sandbox, stage: Stage) -> None:
    """A payment of a client whose account is frozen by order is refused."""
    client = stage.platform.clients[2]
    account, operator = stage.account(client.name), box.operators[1]
    (now,) = operator.custody.set_freeze(stage.book_id, [account], order_reference="ORDER-19/2026")
    assert now is AccountStatus.FROZEN
    await_status(stage, order(stage, "frozen", 100, ABROAD, debtor=client.iban), S.REJECTED)
