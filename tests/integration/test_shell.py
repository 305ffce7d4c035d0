"""What operators and platforms decide from a shell, with credentials directories, on the whole platform."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence.ids import new_id
from ringfence.payments import InstructionStatus
from ringfence_local_stack.scenario import Scenario, eventually, fresh, new_iban
from ringfence_local_stack.scenario.messages import entry
from ringfence_verifier import verify_answer, verify_receipt
from ringfence_verifier.dossier import verify_dossier

from .conftest import Rows, Shell

DENIED = "\t".join(
    f'"{column}"'
    for column in (
        *("Name", "Street_Address", "City", "State", "Country", "Postal_Code", "Effective_Date", "Expiration_Date"),
        *("Standard_Order", "Last_Update", "Action", "FR_Citation"),
    )
)
REFUSED = 3


def confirmed(shell: Shell, proposed: Rows) -> str:
    """Has the first operator refused and the second one confirm what waits; returns the outcome."""
    (row,) = proposed
    assert row["outcome"] == "waits"
    (alone,) = shell("operator-1", "confirm", row["proposal"], code=REFUSED)
    assert alone["outcome"] == "SECOND_PERSON_REQUIRED"
    return shell("operator-2", "confirm", row["proposal"])[0]["outcome"]


def test_a_freeze_is_placed_by_one_and_lifted_by_two(scenario: Scenario, shell: Shell) -> None:
    """Under its order alone; a status that is no freeze has a command too."""
    platform = scenario.platform("Nora Vale")
    account, book = str(platform.customer("Nora Vale").account.id), ("--platform", str(platform.id))
    frozen = shell("operator-1", "freeze", "place", account, *book, "--order", "7 Cs 12/26")
    assert frozen == [{"account": account, "status": "frozen"}]
    shell("operator-1", "freeze", "lift", account, *book, "--order", "another", code=REFUSED)
    lift = shell("operator-1", "freeze", "lift", account, *book, "--order", "7 Cs 12/26")
    assert confirmed(shell, lift) == "confirmed"
    status = ("account", "status", account, *book, "--reason", "asked by phone", "--to")
    (restricted,) = shell("operator-1", *status, "restricted")
    (proposed,) = shell("operator-1", *status, "active")
    assert [each["status"] for each in (restricted, proposed)] == ["restricted", "restricted"]
    assert confirmed(shell, [{**proposed, "outcome": "waits"}]) == "confirmed"
    assert shell("operator-1", *status, "active") == [{"account": account, "status": "active", "proposal": ""}]


def test_limits_are_tightened_by_one_and_loosened_by_two(scenario: Scenario, shell: Shell) -> None:
    """What is set for one currency or approver leaves the others as they are; amounts are strict."""
    platform = scenario.platform(banked=False)
    at, approver = ("--platform", str(platform.id)), str(platform.approver.credentials.principal_id)

    def limit(currency: str, payment: str, code: int = 0) -> Rows:
        bounds = ("--payment", payment, "--debtor-day", "500.00", "--day", "900.00", "--approver", "800.00")
        return shell("operator-1", "limits", "set", *at, "--currency", currency, *bounds, code=code)

    assert [limit(each, "100.00")[0]["outcome"] for each in ("EUR", "CZK")] == ["done", "done"]
    of_one = ("--approver", approver, "--currency", "EUR", "--maximum", "0.00")
    assert shell("operator-1", "limits", "approver", *at, *of_one)[0]["outcome"] == "done"
    assert confirmed(shell, limit("EUR", "200.00")) == "confirmed"
    shown = shell(platform.name, "limits", "show")
    assert [(each["for"], each["currency"], each["one_payment"], each["an_approver"]) for each in shown] == [
        ("everybody", "CZK", "100.00 CZK", "800.00 CZK"),
        ("everybody", "EUR", "200.00 EUR", "800.00 EUR"),
        (approver, "EUR", "", "0.00 EUR"),
    ]
    limit("EUR", "1e1", code=2)


def test_a_migration_window_is_opened_and_closed_by_two(scenario: Scenario, shell: Shell) -> None:
    """Under an id that the importer then names; the same again is the same window."""
    book = ("--platform", str(scenario.platform(banked=False).id), "--window", str(new_id()), "--reason", "go-live")
    assert confirmed(shell, shell("operator-1", "migration", "open", *book, "--minutes", "60")) == "confirmed"
    assert shell("operator-1", "migration", "open", *book, "--minutes", "60")[0]["outcome"] == "done"
    assert confirmed(shell, shell("operator-1", "migration", "close", *book)) == "confirmed"


def test_rules_are_shown_and_adopted_as_the_text_that_they_are(
    scenario: Scenario, shell: Shell, tmp_path: Path
) -> None:
    """The canonical text of a book's rules, made stricter, is taken, and shown as it was given."""
    platform = scenario.platform(banked=False)
    text = platform.client.custody.rules().document.replace("version minimum", "version 2026-01")
    (tmp_path / "rules").write_text(text)
    adopt = ("rules", "adopt", str(tmp_path / "rules"), "--platform", str(platform.id))
    assert confirmed(shell, shell("operator-1", *adopt)) == "confirmed"
    assert platform.client.custody.rules().document == text
    shown = shell(platform.name, "rules", "show")
    assert len(shown) == len(text.splitlines()) - 2
    (tmp_path / "rules").write_text(text.replace("CLIENT", "NOBODY"))
    shell("operator-1", *adopt, code=2)


def test_sanctions_lists_are_imported_confirmed_and_retired(shell: Shell, tmp_path: Path) -> None:
    """The first file without an end waits, whatever SHA-256 is given; that of another file is no command line."""
    name, file = fresh("denied-"), tmp_path / "dpl.txt"
    file.write_text("\n".join((DENIED, "\t".join([f'"{fresh("JO ")}"', *['"x"'] * 11]), "")))
    given = ("lists", "import", name, str(file), "--format", "bis-denied-persons", "--published", "2026-01-02")
    assert shell("operator-1", *given)[0]["outcome"] == "waits"
    shell("operator-1", *given, "--sha256", "00" * 32, code=2)
    stated = ("--sha256", sha256(file.read_bytes()).hexdigest())
    assert confirmed(shell, shell("operator-1", *given, *stated)) == "confirmed"
    assert shell("operator-1", *given, *stated)[0]["outcome"] == "done"
    confirm = shell("operator-1", "lists", "confirm", name, "--note", "seen at the publisher's")
    assert confirmed(shell, confirm) == "confirmed"
    (shown,) = (each for each in shell("operator-2", "lists", "show") if each["list"] == name)
    assert (shown["published"], shown["entries"], bool(shown["confirmed"])) == ("2026-01-02 00:00:00 UTC", "1", True)
    assert confirmed(shell, shell("operator-1", "lists", "retire", name, "--note", "out of use")) == "confirmed"


def test_clients_are_held_and_erased_and_their_ibans_claimed(scenario: Scenario, shell: Shell, tmp_path: Path) -> None:
    """What stands against an erasure is told; a claim is confirmed on a document by two."""
    platform = scenario.platform(banked=False)
    party = platform.party("Nora Vale")
    subject, at = str(party.id), ("--platform", str(platform.id))
    order = ("--order", "7 Cs 12/26")
    assert shell("operator-1", "parties", "hold", subject, *at, *order)[0]["outcome"] == "done"
    (refused,) = shell("operator-1", "parties", "erase", subject, *at, code=REFUSED)
    assert refused["outcome"] == "ERASURE_REFUSED causes=LEGAL_HOLD"
    assert confirmed(shell, shell("operator-1", "parties", "let-go", subject, *at, *order)) == "confirmed"
    (opened,) = shell(platform.name, "account", "open", "--class", "client", "--owner", subject)
    iban = new_iban()
    claim = ("ibans", "claim", iban, "--account", opened["account"], "--owner", subject)
    assert shell(platform.name, *claim)[0]["outcome"] == "waits"
    (document := tmp_path / "contract").write_bytes(b"signed")
    change = ("ibans", "change", iban, *at, "--owner", subject, "--action", "confirm", "--document", str(document))
    assert confirmed(shell, shell("operator-1", *change)) == "confirmed"
    assert shell(platform.name, "parties", "show", subject)[0]["kyc"] == "verified"
    assert (
        shell("operator-1", "parties", "kyc", subject, *at, "--to", "refresh-due", "--note", "a year on")[0]["outcome"]
        == "done"
    )


def test_principals_are_registered_by_two_and_suspended_by_one(shell: Shell) -> None:
    """Whoever is suspended comes back by two."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    until = f"{time.gmtime().tm_year + 1}-01-01"
    new = ("principals", "register", fresh("auditor-"), "--kind", "auditor", "--public-key", key)
    proposed = shell("operator-1", *new)
    assert confirmed(shell, proposed) == "confirmed"
    who = proposed[0]["what"]
    assert shell("operator-1", "principals", "renew", who, "--until", until)[0]["outcome"] == "waits"
    assert shell("operator-2", "principals", "suspend", who, "--note", "on leave")[0]["outcome"] == "done"
    assert confirmed(shell, shell("operator-1", "principals", "resume", who)) == "confirmed"


def test_a_principal_is_registered_with_its_certificate(scenario: Scenario, shell: Shell, tmp_path: Path) -> None:
    """Its SHA-256 is what the second person reads; whoever leaves it out is told what is missing."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    new = ("principals", "register", fresh("auditor-"), "--kind", "auditor", "--public-key", key)
    shown = scenario.operators[0].credentials
    (file := tmp_path / "client.pem").write_bytes(shown.certificate_chain_pem)
    (row,) = shell("operator-1", *new, "--certificate", str(file))
    (waiting,) = (each for each in shell("operator-2", "proposals") if each["proposal"] == row["proposal"])
    assert shown.certificate_sha256.hex() in " ".join(waiting.values())
    (wrong := tmp_path / "other.pem").write_text(key)
    for each in (wrong, tmp_path / "none.pem"):
        shell("operator-1", *new, "--certificate", str(each), code=2)
    shell("operator-1", *new, note="ringfence pin")


def _bundled(scenario: Scenario, shell: Shell, transfer: str, indexes: set[str], folder: Path) -> None:
    """A dossier about a transfer has all facts about it, in words too; a file that is there stays as it is."""
    bundle, key = str(folder / "case.dossier"), ("--key", scenario.sandbox.log_key())
    shell("regulator", "dossier", bundle, "--about", transfer, "--linked", *key, table=False)
    opened = verify_dossier(Path(bundle).read_bytes(), scenario.sandbox.log_key())
    assert indexes <= {str(each.index) for each in opened.facts}
    assert b"10.00" in dict(opened.entries)["facts/words.en.csv"]
    shell("regulator", "dossier", bundle, "--about", transfer, *key, table=False, code=1, note="there already")


def test_what_moved_is_listed_and_proven(scenario: Scenario, shell: Shell, tmp_path: Path) -> None:
    """A bank's file is handed in, its transfers and balances are read, and a regulator gets the receipt."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    file = tmp_path / "camt.xml"
    file.write_bytes(platform.bank.notification(entry(10_00, nora.iban, reference=fresh("R"))))
    feed = scenario.sandbox.bank_feed.credentials.principal_id
    (name,) = (
        each for each in scenario.sandbox.names() if scenario.sandbox.client(each).credentials.principal_id == feed
    )
    assert shell(name, "evidence", str(file))[0]["credited"] == "1"
    (moved,) = shell(platform.name, "transfers")
    assert (moved["amount"], moved["to"]) == ("10.00 EUR", str(nora.account.id))
    assert shell(platform.name, "transfers", moved["transfer"]) == [moved]
    balances = ("account", "balances", str(nora.account.id))
    assert shell(platform.name, *balances)[0]["balance"] == "10.00 EUR"
    assert shell(platform.name, *balances, "--at", "2026-01-01")[0]["balance"] == "0.00 EUR"
    search = ("search", "--subject", moved["transfer"])

    def logged() -> Rows:
        return [each for each in shell("regulator", *search) if each["kind"] == "custody.transfer.v1"]

    assert eventually(lambda: logged() != [])
    (found,) = logged()
    assert found["amount"] == "10.00 EUR"
    assert found["what"].startswith("Moved, deposit: ")
    of_platform = ("search", "--platform", str(platform.id))
    indexes = [int(each["index"]) for each in shell("regulator", *of_platform)]
    assert indexes == sorted(indexes, reverse=True)
    assert [int(each["index"]) for each in shell("regulator", *of_platform, "--most", "2")] == indexes[:2]
    of_amount = shell("regulator", *of_platform, "--kind", "transfer", "--amount", "10.00 EUR")
    assert found["index"] in [each["index"] for each in of_amount]
    assert shell("regulator", *of_platform, "--amount", "10.01 EUR") == []
    shell("regulator", "receipt", found["index"], str(tmp_path / "receipt"), table=False)
    proven = verify_receipt((tmp_path / "receipt").read_text(), scenario.sandbox.log_key())
    assert proven.index == int(found["index"])
    saved = tmp_path / "answer"
    asked = ("--key", scenario.sandbox.log_key(), "--save", str(saved))
    all_of_it = shell("regulator", "answer", moved["transfer"], *asked)
    assert found["index"] in [each["index"] for each in all_of_it]
    answer = verify_answer(saved.read_bytes(), scenario.sandbox.log_key())
    assert [str(index) for index, _ in answer.facts] == [each["index"] for each in all_of_it]
    assert shell("regulator", "answer", str(new_id()), *asked) == []
    _bundled(scenario, shell, moved["transfer"], {each["index"] for each in all_of_it}, tmp_path)
    way: Any = shell("regulator", "trace", moved["transfer"], *asked[:2])
    places = [(node["kind"], node["minor"]) for node in way["nodes"]]
    assert places == [("bank-in", 10_00), ("account", 10_00), ("kept", 10_00)]
    steps = [each["what"] for each in way["steps"]]
    reported, booked = (
        next(at for at, what in enumerate(steps) if what.startswith(said))
        for said in ("The bank reports money in for client account ", "Moved, deposit: ")
    )
    assert reported < booked
    told: Any = shell("regulator", "about", moved["transfer"], *asked[:2], "--language", "zh")
    assert told["kinds"]["custody.transfer.v1"] == 1
    assert any(each["what"].startswith("已划转（入金）：") for each in told["facts"])


def test_what_a_bank_tells_is_handed_in_and_decided(scenario: Scenario, shell: Shell, tmp_path: Path) -> None:
    """A bank's file tells what became of it; two operators void an exception and decide an entry in doubt."""
    platform = scenario.platform("Nora Vale")
    nora, mirror = platform.customer("Nora Vale"), str(platform.bank.mirror.id)
    at = ("--platform", str(platform.id))
    because = ("--document", "ab" * 32, "--reason", "the bank says so by letter")
    told = tmp_path / "camt.xml"
    told.write_bytes(platform.bank.notification(entry(30_00, nora.iban, reference=fresh("R"), currency="USD")))
    feed = scenario.sandbox.bank_feed.credentials.principal_id
    (bank,) = (
        each for each in scenario.sandbox.names() if scenario.sandbox.client(each).credentials.principal_id == feed
    )
    (counts,) = shell(bank, "statements", "submit", str(told), note="MiB sent")
    assert (counts["credited"], counts["exceptions"]) == ("0", "1")
    (found,) = shell("operator-1", "exceptions", "list", *at, note="bank mirror 1 of 1")
    assert (found["mirror"], found["kind"]) == (mirror, "currency")
    shown = {each["what"]: each["is"] for each in shell("operator-1", "exceptions", "show", found["exception"], *at)}
    assert shown == {**found, "file": sha256(told.read_bytes()).hexdigest(), "booked so far": "0.00 EUR"}
    shell("operator-1", "exceptions", "void", str(new_id()), *at, *because, code=REFUSED, note="waits")
    shell("operator-1", "exceptions", "list", *at, "--mirror", str(new_id()), code=REFUSED, note="no bank mirror")
    shell("operator-1", "exceptions", "accept", found["exception"], *at, *because, code=REFUSED)
    assert confirmed(shell, shell("operator-1", "exceptions", "void", found["exception"], *at, *because)) == "confirmed"
    assert shell("operator-1", "exceptions", "list", *at, "--mirror", mirror) == []
    platform.bank.tell(entry(30_00, nora.iban, reference=fresh("R")))
    platform.bank.tell(entry(30_00, nora.iban))
    (doubtful,) = shell("operator-1", "statements", "held", *at)
    assert (doubtful["mirror"], doubtful["amount"]) == (mirror, "30.00 EUR")
    decide = ("statements", "decide", doubtful["entry"], *at, "--mirror", mirror, *because)
    assert confirmed(shell, shell("operator-1", *decide)) == "confirmed"
    assert shell("operator-1", "statements", "held", *at) == []


def test_facts_are_found_by_what_people_know_and_sealed_ones_opened(
    scenario: Scenario, shell: Shell, tmp_path: Path
) -> None:
    """By name, IBAN, reference, amount, file, id and number, with how far that goes; a party is opened for a reason."""
    payer, payee = f"Quirina {fresh('V').title()}", f"Ulf {fresh('W').title()}"
    platform = scenario.platform(payer, payee)
    quirina, ulf = platform.customers(payer, payee)
    told = tmp_path / "camt.xml"
    told.write_bytes(platform.bank.notification(entry(90_17, quirina.iban, reference=fresh("R"))))
    feed = scenario.sandbox.bank_feed.credentials.principal_id
    (bank,) = (
        each for each in scenario.sandbox.names() if scenario.sandbox.client(each).credentials.principal_id == feed
    )
    assert shell(bank, "evidence", str(told))[0]["credited"] == "1"
    reference = fresh("RENT")
    order = platform.order(quirina.iban, ulf.iban, payee, 41_19, end_to_end_id=reference)
    platform.submit([order])[0].wait_for(InstructionStatus.SETTLED)
    because = ("--reason", "case 7/26", "--key", scenario.sandbox.log_key())

    def kinds(sought: str, *arguments: str, note: str = "") -> set[str]:
        return {each["kind"] for each in shell("regulator", "search", sought, *because, *arguments, note=note)}

    transfer, instruction = "custody.transfer.v1", "payment-instruction.instruction.v1"
    assert eventually(lambda: transfer in kinds(str(quirina.account.id)) and transfer in kinds("41.19 EUR"))
    assert {transfer, instruction} <= kinds(reference, "--by", "text", note="no proof shows that there are no")
    assert {transfer, instruction} <= kinds("41.19 EUR", note="and proven: there are no others")
    assert kinds("41.18 EUR", "--platform", str(platform.id), note="and proven: there are no others") == set()
    assert "identity.party_registered.v1" in kinds(payer.upper(), "--by", "name", note="identity's word")
    assert kinds("Quirina Nobody", "--by", "name", note="identity's word") == set()
    assert transfer in kinds(quirina.iban, "--kind", "transfer", note="the IBAN")
    assert "payment-instruction.bank_entry.v1" in kinds(sha256(told.read_bytes()).hexdigest(), note="proven")
    (settled,) = shell("regulator", "search", str(order.id), *because, "--status", "settled")
    assert settled["kind"] == "payment-instruction.step.v1"
    assert shell("regulator", "search", f"#{settled['index']}", *because) == [settled]
    shell("regulator", "search", payer, "--key", scenario.sandbox.log_key(), code=2, table=False)

    party = str(quirina.party.id)
    opened = shell("regulator", "disclose", party, *because, note="before it was opened")
    assert {payer, quirina.iban} <= {each["text"] for each in opened}
    (sealed,) = shell("regulator", "search", str(order.id), *because, "--kind", "instruction.v1")
    texts = shell("regulator", "disclose", sealed["index"], "--field", "creditor", *because)
    assert {(each["field"], each["what"], each["text"]) for each in texts} >= {("creditor", "iban", ulf.iban)}
    assert eventually(lambda: "audit.read.v1" in kinds(party))
    shell("regulator", "disclose", settled["index"], *because, code=REFUSED, note="NOTHING_SEALED")
    shell("operator-1", "disclose", sealed["index"], *because, code=REFUSED, note="SCOPE_MISSING")
