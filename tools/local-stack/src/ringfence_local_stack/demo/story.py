"""Tells the story from the first to the last act, with its progress on screen and a summary at the end."""

import time
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ringfence.commands.terminal import output, show
from ringfence.ledger import Totals
from ringfence.money import show as amount
from ringfence.payments import EvidenceAnswer, InstructionState, InstructionStatus
from ringfence_verifier import VerifiedLeaf

from ringfence_local_stack.demo import authority, blocked, onboarding, payments, pictures, proof, statement
from ringfence_local_stack.demo.deposits import receive
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.payments import Followed
from ringfence_local_stack.demo.script import CURRENCY, content, listed, platforms, refused_amounts
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.opening import sandbox_or_own
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.directories import default_directory

_FILE = "lantern-pain.001.xml"
_LINE: dict[str, Any] = {"highlight": False, "soft_wrap": True}
_BEFORE_CUSTODY = frozenset(
    {
        InstructionStatus.RECEIVED,
        InstructionStatus.VALIDATED,
        InstructionStatus.AUTHENTICATED,
        InstructionStatus.SCREENED,
    }
)


@dataclass(frozen=True)
class Ending:
    """All that the summary tells."""

    stages: list[Stage]
    payments: list[Followed]
    proven: VerifiedLeaf
    totals: list[Totals]
    seconds: float


def tell(fresh: bool) -> None:
    """Tells it on the stack that is up or one of its own; raises CommandFailed at the first deviation."""
    began = time.monotonic()
    with sandbox_or_own(fresh) as box:
        _say(f"the stack is up after {time.monotonic() - began:.1f} s")
        accounts = [each.safeguarding_iban for each in platforms()]
        with simulated_bank(box.stack, accounts, fail_amounts=refused_amounts()):
            stages = _first_act(box)
            _two_people(box, stages[0])
            _second_act(box, stages)
            followed = _third_act(stages)
            followed += _fourth_act(box, stages[1])
            _fifth_act(box, stages)
        proven = _last_act(box, followed)
        totals = [proof.check_books(box.operators[0], stage) for stage in stages]
        _say("both books balance: debits equal credits, no money is missing")
        _summary(box, Ending(stages, followed, proven, totals, time.monotonic() - began))
        evidence = (default_directory() if fresh else box.stack.directory / "sandbox") / "evidence"
        if pictures.draw(box, followed, proven.index, evidence / "console"):
            output.print(f"pictures   {evidence / 'console'}: six pages of the console", **_LINE)
        output.print("console    `ringfence console --as regulator` while `ringfence up` runs", **_LINE)
        if not fresh:
            output.print(
                f"evidence   {evidence}: `ringfence verify receipt FILE --key {evidence / 'log.vkey'}`", **_LINE
            )


def _first_act(box: Sandbox) -> list[Stage]:
    _heading("Onboarding")
    operator = box.operators[0]
    stages = []
    for platform in platforms():
        stage = onboarding.enter(box, platform)
        onboarding.onboard_clients(stage, operator)
        accounts, ibans = (
            onboarding.open_book(stage, box.operators),
            onboarding.name_ibans(stage, box.operators, box.bank_feed),
        )
        verified = sum(each.verified for each in platform.clients)
        _say(
            f"{platform.name}: {len(platform.clients)} clients, {verified} verified by an operator; "
            f"{accounts} segregated accounts, {ibans} IBANs"
        )
        stages.append(stage)
    _say(f"sanctions list imported: {onboarding.import_sanctions(operator)} names")
    return stages


def _two_people(box: Sandbox, stage: Stage) -> None:
    _heading("Two people")
    most = amount(authority.LARGEST_PAYMENT_MINOR, CURRENCY)
    if not authority.adopt_rules(stage, *box.operators):
        _say(f"{stage.platform.name}: a payment is {most} at most, as two operators have decided before")
        return
    _say(f"an operator proposes for {stage.platform.name} that a payment is {most} at most")
    _say(f"the same operator may not confirm it: {authority.REFUSAL}; another one does, and it is in force")


def _second_act(box: Sandbox, stages: list[Stage]) -> None:
    _heading("Deposits, by the bank's camt.054")
    for stage in stages:
        answer = receive(stage, spool_folder(box.stack.directory), box.bank_feed)
        _say(f"{stage.platform.name}: {answer.credited} credited, {answer.suspended} to suspense{_known(answer)}")


def _third_act(stages: list[Stage]) -> list[Followed]:
    _heading("Payments")
    lender, wallet = stages
    file = payments.submit_file(lender)
    _say(f"{lender.platform.name}: pain.001 of {len(content(_FILE))} bytes, {len(file[1])} instructions")
    from_file = payments.follow(lender, *file, _step)
    batch = payments.submit_batch(wallet)
    _say(f"{wallet.platform.name}: batch over gRPC, {len(batch[1])} instructions")
    return from_file + payments.follow(wallet, *batch, _step)


def _fourth_act(box: Sandbox, stage: Stage) -> list[Followed]:
    _heading("A client on a list")
    name, spool = listed().client, spool_folder(box.stack.directory)
    is_blocked = blocked.put_on_list(stage, box.operators[0])
    before = "" if is_blocked else "; two operators have released this client from it before"
    _say(f"a list is imported that names {name}, a client of {stage.platform.name}{before}")
    if is_blocked:
        _say("identity: [yellow]BLOCKED[/yellow]; custody: no money moves on the account", markup=True)
    followed = payments.follow(stage, *payments.submit_of_listed(stage), _step)
    answer = blocked.receive_for_listed(stage, spool, box.bank_feed)
    _say(
        f"a deposit for this client: {answer.credited} credited, {answer.suspended} to blocked suspense{_known(answer)}"
    )
    if is_blocked:
        blocked.release(stage, *box.operators)
        _say(f"an operator proposes to release {name} ({listed().reason})")
        _say(f"the same operator may not confirm it: {authority.REFUSAL}; another one does, and the account is active")
    return followed


def _fifth_act(box: Sandbox, stages: list[Stage]) -> None:
    _heading("The bank's statement, by camt.053")
    for stage in stages:
        found = statement.compare(stage, spool_folder(box.stack.directory), box.bank_feed, box.operators[0])
        closing = amount(found.day.closing_minor, CURRENCY)
        _say(
            f"{stage.platform.name}: on {found.day.last_day} the bank has {closing}, and so has the book; "
            f"{found.matched} movements are matched, none is open"
        )


def _known(answer: EvidenceAnswer) -> str:
    return f", {answer.duplicates} known from before" if answer.duplicates else ""


def _step(state: InstructionState, names: list[str]) -> None:
    reason = f"  [yellow]{state.reason}[/yellow]" if state.reason else ""
    output.print(f"    {state.status.name.lower():<13} {' '.join(names)}{reason}", markup=True, **_LINE)


def _last_act(box: Sandbox, followed: list[Followed]) -> VerifiedLeaf:
    _heading("The regulator")
    found = proof.find(box.regulator, followed)
    facts = sum(len(each.facts) for each in found)
    _say(f"found all {len(found)} payments in the log: {facts} facts about them")
    paid = next(each for each in found if each.payment.last.status is InstructionStatus.RECONCILED)
    key = box.log_key()
    receipt, proven = proof.prove(box.regulator, paid, key)
    size = proven.checkpoint.size
    _say(f"receipt of {paid.payment.name} verified offline with the log's public key: fact {proven.index} of {size}")
    folder = private_folder(box.stack.directory / "sandbox" / "evidence")
    write_private(folder / "log.vkey", f"{key}\n")
    write_private(folder / f"{paid.payment.name}.receipt", receipt.proof)
    return proven


def _summary(box: Sandbox, ending: Ending) -> None:
    rows = [
        [
            each.name,
            amount(each.instruction.order.amount_minor, each.instruction.order.currency),
            " → ".join(state.status.name.lower() for state in each.path if state.status not in _BEFORE_CUSTODY),
            f"{each.expected.meaning} {f'({each.last.reason})' if each.last.reason else ''}".rstrip(),
        ]
        for each in ending.payments
    ]
    show("Instructions, after intake and screening", ["payment", "amount", "way", "meaning"], rows, right=["amount"])
    balances = [
        [stage.platform.name, names[account.id], amount(abs(account.balances.posted_minor), CURRENCY)]
        for stage in ending.stages
        for names in [{stage.account(name): name for name in stage.platform.balances}]
        for account in stage.client.custody.accounts(list(names))
    ]
    show("Balances", ["platform", "account", "balance"], balances, right=["balance"])
    ports = ", ".join(f"{service} {address.rpartition(':')[2]}" for service, address in box.stack.listens.items())
    clients = len(list(chain.from_iterable(stage.platform.clients for stage in ending.stages)))
    transfers = sum(each.transfers for each in ending.totals)
    for name, value in (
        ("platforms", f"{len(ending.stages)} with {clients} clients"),
        ("payments", f"{len(ending.payments)}, each ended as it must"),
        ("transfers", f"{transfers} in custody; debits equal credits in both books"),
        ("proof", f"fact {ending.proven.index} proven in a log of {ending.proven.checkpoint.size}"),
        ("ports", ports),
        ("seconds", f"{ending.seconds:.1f}"),
    ):
        output.print(f"{name:<10} {value}", **_LINE)


def _say(text: str, *, markup: bool = False) -> None:
    output.print(f"  {text}", markup=markup, **_LINE)


def _heading(text: str) -> None:
    output.print(f"\n[bold]{text}[/bold]", markup=True)
