"""What people write into every part of the platform stands in no leaf of the log, and who may read a fact reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ringfence.cli import main
from ringfence.identity import KycDecision, KycStatus, PrincipalKind
from ringfence.payments import Decision, InstructionStatus
from ringfence_local_stack.scenario import Scenario, eventually, fresh, new_iban
from ringfence_local_stack.scenario.messages import entry, order, order_file
from ringfence_verifier import open_fact, read_leaf

ABOVE_THE_LIMIT_MINOR = 1_100_000


def test_what_people_write_stands_in_no_leaf(scenario: Scenario) -> None:
    """Notes, order references, names of principals, references and message ids of banks and payers: none in clear."""
    word = fresh("Canary")
    said: Iterator[str] = (f"{word}-{number}" for number in range(100))
    written = dict[str, str]()

    def says(what: str) -> str:
        return written.setdefault(what, next(said))

    platform = scenario.platform("Nora Vale")
    nora, (operator, _) = platform.customer("Nora Vale"), scenario.operators
    refused = platform.party("Ivo Vale", verified=False)
    (done,) = operator.identity.decide_kyc(
        platform.id,
        [KycDecision(party_id=refused.id, to=KycStatus.CHECKING, note=says("note of a decision on a client"))],
    )
    assert not done.reason
    operator.identity.set_legal_hold(platform.id, [refused.id], says("reference of an order that holds"))
    left = scenario.principal(PrincipalKind.PLATFORM_APPROVER, says("name of a principal").lower(), platform)
    operator.identity.suspend_principals([left.credentials.principal_id], says("note of a suspension"))
    deposit = entry(20_000_00, nora.iban, reference=says("reference of a bank"))
    platform.bank.hand_in(platform.bank.notification(deposit, message_id=says("message id of a bank")))
    paid = replace(
        platform.order(nora.iban, new_iban(), "Ivo Vale", ABOVE_THE_LIMIT_MINOR, end_to_end_id=says("end-to-end id")),
        instruction_identification=says("number of an instruction"),
    )
    (held,) = platform.submit([paid])
    held.wait_for(InstructionStatus.HELD)
    platform.approver.payments.decide([held.id], Decision.CANCEL, says("note of an approver"))
    held.wait_for(InstructionStatus.CANCELLED)
    small = order(1_00, new_iban(), "Ivo Vale", end_to_end_id=says("end-to-end id in a file"))
    platform.submit_file(order_file(nora.iban, [small], message_id=says("message id of a file")))
    operator.custody.set_freeze(
        platform.id, [nora.account.id], order_reference=says("reference of an order that freezes")
    )
    audit = scenario.regulator.audit

    def shown() -> set[str]:
        """What a regulator reads of these in facts, each proven by its leaf."""
        found = [
            *audit.search(platform.id),
            *audit.search(left.credentials.principal_id),
            *audit.search(tenant_id=platform.id),
        ]
        facts = [open_fact(read_leaf(leaf.content), leaf.openings) for leaf in found]
        texts = [str(value) for fact in facts for value in fact.fields.values()]
        return {what for what, text in written.items() if any(text.lower() == each.lower() for each in texts)}

    assert eventually(lambda: shown() == set(written)), set(written) - shown()
    leaves = [leaf.content for leaf in audit.leaves()]
    assert any(platform.id.bytes in leaf for leaf in leaves)
    assert not [read_leaf(leaf) for leaf in leaves if word.lower().encode() in leaf.lower()]


def test_a_receipt_is_shown_with_the_words_beside_it(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A regulator gets a receipt and its texts; offline they are shown, and refused where one was changed."""

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["ringfence", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.err
        return " ".join((told.out + told.err).split())

    for name, address in scenario.stack.addresses.items():
        monkeypatch.setenv(f"RINGFENCE_{name.upper().replace('-', '_')}_ADDRESS", address)
    platform = scenario.platform(banked=False)
    party = platform.party("Nora Vale", verified=False)
    note = fresh("Canary")
    decision = KycDecision(party_id=party.id, to=KycStatus.CHECKING, note=note)
    scenario.operators[0].identity.decide_kyc(platform.id, [decision])
    audit, file = scenario.regulator.audit, tmp_path / "fact.receipt"

    def found() -> list[int]:
        return [each.index for each in audit.search(party.id) if any(said.content == note for said in each.openings)]

    assert eventually(lambda: found() != [])
    run("receipt", str(found()[0]), str(file), "--as", str(scenario.sandbox.folder_of("regulator")))
    verify = ("verify", "receipt", str(file), "--key", scenario.sandbox.log_key())
    assert note in run(*verify)
    beside = tmp_path / "fact.receipt.texts.json"
    beside.write_text(beside.read_text().replace(note, f"{note}!"))
    assert "not the one" in run(*verify, code=1)
    beside.unlink()
    assert note not in run(*verify)
