"""The bank in a spool folder: its answers are valid messages, follow its rules, and survive a kill."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from ringfence_bank_simulator.bank import Bank
from ringfence_bank_simulator.rules import Rules, Verdict

SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "iso20022" / "xsd"
ACCOUNT, OTHER_ACCOUNT = "FR1420041010050500013M02606", "NL91ABNA0417164300"
CLIENT, PAYEE = "DE89370400440532013000", "GB29NWBK60161331926819"
NOW_NS = 1_700_000_000 * 10**9

PAYMENT = """<CdtTrfTxInf>
<PmtId><InstrId>I-{n}</InstrId><EndToEndId>E-{n}</EndToEndId><TxId>T-{n}</TxId></PmtId>
<IntrBkSttlmAmt Ccy="EUR">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>2026-02-04</IntrBkSttlmDt><ChrgBr>SHAR</ChrgBr>
<Dbtr><Nm>Wolf Kessler</Nm></Dbtr><DbtrAcct><Id><IBAN>{debtor}</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId/></DbtrAgt><CdtrAgt><FinInstnId/></CdtrAgt>
<Cdtr><Nm>Ada Quill</Nm></Cdtr><CdtrAcct><Id><IBAN>{creditor}</IBAN></Id></CdtrAcct>
<RmtInf><Ustrd>Order {n}</Ustrd></RmtInf></CdtTrfTxInf>"""
ORDER = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf><GrpHdr>
<MsgId>{message_id}</MsgId><CreDtTm>2026-02-03T09:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>
<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>{payments}</FIToFICstmrCdtTrf></Document>"""


def _send(spool: Path, *amounts: str, message_id: str = "OUT-1", creditor: str = PAYEE, debtor: str = CLIENT) -> Path:
    payments = [
        PAYMENT.format(n=n, amount=amount, creditor=creditor, debtor=debtor)
        for n, amount in enumerate(amounts, start=1)
    ]
    content = ORDER.format(message_id=message_id, count=len(payments), payments="".join(payments))
    return _put(spool / "outbox" / "order.xml", content)


def _put(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(NOW_NS, NOW_NS))
    return path


def _ask(spool: Path, name: str = "ask.json", **changes: object) -> Path:
    deposit = {"creditor_iban": CLIENT, "amount": "100.00", "currency": "EUR", "debtor_name": "Ada Quill"}
    detailed = deposit | {"amount": "0.50", "debtor_iban": PAYEE, "reference": "for <Wolf> & co"}
    request = {"message_id": "DEP-1", "account_iban": OTHER_ACCOUNT, "deposits": [deposit, detailed]} | changes
    return _put(spool / "simulator" / "requests" / name, json.dumps(request))


def _inbox(spool: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((spool / "inbox").iterdir())}


def _texts(content: bytes, name: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(content).iter(f"{{*}}{name}")]


def _bank(spool: Path, rules: Rules | None = None, delay_seconds: float = 0.0) -> Bank:
    return Bank(spool, [ACCOUNT, OTHER_ACCOUNT], rules or Rules(), delay_seconds)


def test_a_payment_settles(tmp_path: Path) -> None:
    """A payment is answered by its status with its own ids, and by the debit on the account."""
    _send(tmp_path, "10.25", "3.00")
    assert _bank(tmp_path).work(NOW_NS) == 1
    inbox = _inbox(tmp_path)
    status, debit = inbox["OUT-1-pacs002.xml"], inbox["OUT-1-camt054.xml"]
    assert (_texts(status, "OrgnlMsgId"), _texts(status, "OrgnlTxId")) == (["OUT-1"], ["T-1", "T-2"])
    assert _texts(status, "TxSts") == ["ACSC", "ACSC"]
    assert _texts(debit, "Amt") == ["10.25", "10.25", "3.00", "3.00"]
    assert (_texts(debit, "TxId"), _texts(debit, "EndToEndId")) == (["T-1", "T-2"], ["E-1", "E-2"])
    assert set(_texts(debit, "CdtDbtInd")) == {"DBIT"}
    assert _texts(debit, "IBAN")[0] == ACCOUNT
    assert [(each.name, each.stat().st_size) for each in (tmp_path / "outbox").iterdir()] == [("order.xml", 0)]
    assert _bank(tmp_path).work(NOW_NS) == 0


def test_a_deposit_is_reported(tmp_path: Path) -> None:
    """Each deposit asked for is one booked credit for the client's IBAN on the account named."""
    _ask(tmp_path)
    _bank(tmp_path).work(NOW_NS)
    (content,) = _inbox(tmp_path).values()
    assert (_texts(content, "MsgId"), set(_texts(content, "CdtDbtInd"))) == (["DEP-1"], {"CRDT"})
    assert _texts(content, "IBAN") == [OTHER_ACCOUNT, CLIENT, PAYEE, CLIENT]
    assert len(set(_texts(content, "AcctSvcrRef"))) == 2
    assert _texts(content, "Ustrd") == ["for <Wolf> & co"]


def test_a_deposit_and_a_payment_may_share_an_id(tmp_path: Path) -> None:
    """Message ids of the two are chosen apart, so their answers never take each other's place."""
    _ask(tmp_path, message_id="SAME")
    _send(tmp_path, "1.00", message_id="SAME")
    _bank(tmp_path).work(NOW_NS)
    assert len(_inbox(tmp_path)) == 3


def test_a_payment_is_debited_where_its_deposits_went(tmp_path: Path) -> None:
    """The bank knows to which account a client's IBAN belongs, also after a restart."""
    _ask(tmp_path)
    _bank(tmp_path).work(NOW_NS)
    _send(tmp_path, "1.00")
    _bank(tmp_path).work(NOW_NS)
    assert _texts(_inbox(tmp_path)["OUT-1-camt054.xml"], "IBAN")[0] == OTHER_ACCOUNT


@pytest.mark.parametrize(
    ("creditor", "amount", "verdict"),
    [
        ("GB29NWBK60161331926818", "1.00", Verdict("RJCT", "AC01")),
        ("NO9386011117947", "1.00", Verdict("RJCT", "AC04")),
        (PAYEE, "66.60", Verdict("RJCT", "MS03")),
        (PAYEE, "77.70", None),
        (PAYEE, "1.00", Verdict("ACSC")),
    ],
)
def test_the_rules_decide(tmp_path: Path, creditor: str, amount: str, verdict: Verdict | None) -> None:
    """Each rule of the README has its answer; only what settles is debited, and silence is silence."""
    rules = Rules(frozenset({"NO9386011117947"}), frozenset({Decimal("66.6")}), frozenset({Decimal("77.7")}))
    _send(tmp_path, amount, creditor=creditor)
    _bank(tmp_path, rules).work(NOW_NS)
    inbox = _inbox(tmp_path)
    if verdict is None:
        assert inbox == {}
        return
    status = inbox["OUT-1-pacs002.xml"]
    assert (_texts(status, "TxSts"), _texts(status, "Cd")) == (
        [verdict.status],
        [verdict.reason] * bool(verdict.reason),
    )
    assert ("OUT-1-camt054.xml" in inbox) == (verdict.status == "ACSC")


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the schemas of ../shared/data are not here")
def test_every_message_is_valid(tmp_path: Path) -> None:
    """What the bank writes is valid by the XSD of its version."""
    _ask(tmp_path)
    _send(tmp_path, "1.00", "66.60", message_id="OUT/1:a")
    _bank(tmp_path, Rules(fail_amounts=frozenset({Decimal("66.6")}))).work(NOW_NS)
    inbox = _inbox(tmp_path)
    assert len(inbox) == 3
    for content in inbox.values():
        document = etree.fromstring(content)
        name = (etree.QName(document).namespace or "").rpartition(":")[2]
        schema = etree.XMLSchema(file=str(SCHEMAS / f"{name}.xsd"))
        assert schema.validate(document), schema.error_log


def test_a_kill_repeats_answers_and_never_changes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bank killed after its answers and before its memory writes the very same answers again."""
    _send(tmp_path, "1.00")
    _ask(tmp_path)
    with monkeypatch.context() as patch:
        for putting_away in ("move", "take"):
            patch.setattr(f"ringfence_bank_simulator.bank.{putting_away}", lambda *_: None)
        _bank(tmp_path).work(NOW_NS)
    first = _inbox(tmp_path)
    assert _bank(tmp_path).work(NOW_NS + 5 * 10**9) == 2
    assert _inbox(tmp_path) == first


def test_a_message_id_is_answered_once(tmp_path: Path) -> None:
    """The same message again changes nothing; another one under its id is refused and kept apart."""
    bank = _bank(tmp_path)
    _send(tmp_path, "1.00")
    bank.work(NOW_NS)
    for path in (tmp_path / "inbox").iterdir():
        path.unlink()
    for amount in ("1.00", "9.00"):
        _send(tmp_path, amount)
        assert bank.work(NOW_NS) == 1
    assert _inbox(tmp_path) == {}
    assert [path.name for path in (tmp_path / "simulator" / "refused").iterdir()] == ["order.xml"]


def test_an_answer_waits_for_its_delay(tmp_path: Path) -> None:
    """Nothing is answered before the delay has passed since the file arrived."""
    _send(tmp_path, "1.00")
    bank = _bank(tmp_path, delay_seconds=2.0)
    assert bank.work(NOW_NS + 1_999_999_999) == 0
    assert bank.work(NOW_NS + 2_000_000_000) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": ""},
        {"message_id": "x" * 36},
        {"deposits": []},
        {"deposits": [{"creditor_iban": CLIENT}]},
        {"deposits": [{"creditor_iban": CLIENT, "amount": "-1", "currency": "EUR", "debtor_name": "A"}]},
        {"deposits": [{"creditor_iban": CLIENT, "amount": "1e1", "currency": "EUR", "debtor_name": "A"}]},
        {"deposits": [{"creditor_iban": CLIENT, "amount": "\uff11", "currency": "EUR", "debtor_name": "A"}]},
        {"deposits": [{"creditor_iban": CLIENT, "amount": 1.5, "currency": "EUR", "debtor_name": "A"}]},
    ],
)
def test_a_request_that_makes_no_sense_is_set_aside(tmp_path: Path, changes: dict[str, object]) -> None:
    """A wrong request is refused and stops nothing else."""
    _ask(tmp_path, "a.json", **changes)
    _put(tmp_path / "outbox" / "b.xml", "<Document><x/></Document>")
    _send(tmp_path, "1.00")
    assert _bank(tmp_path).work(NOW_NS) == 3
    assert sorted(path.name for path in (tmp_path / "simulator" / "refused").iterdir()) == ["a.json", "b.xml"]
    assert len(_inbox(tmp_path)) == 2


def test_a_withdrawn_message_is_left_where_it_is(tmp_path: Path) -> None:
    """It is neither paid, nor answered, nor refused, nor taken: its place stays full."""
    placed = _put(tmp_path / "outbox" / "a.xml", "withdrawn\n")
    _send(tmp_path, "1.00")
    assert _bank(tmp_path).work(NOW_NS) == 1
    assert placed.read_text() == "withdrawn\n"
    assert list((tmp_path / "simulator" / "refused").iterdir()) == []
    assert len(_inbox(tmp_path)) == 2


def test_the_command_runs_once(tmp_path: Path) -> None:
    """The command line reads its rules, does what is due and ends."""
    _send(tmp_path, "66.60")
    command = [sys.executable, "-m", "ringfence_bank_simulator", str(tmp_path), "--once", "--fail-amounts", "66.6"]
    subprocess.run(
        [*command, "--accounts", ACCOUNT], check=True, timeout=30, env=os.environ | {"PYTHONPATH": _source()}
    )
    assert _texts(_inbox(tmp_path)["OUT-1-pacs002.xml"], "TxSts") == ["RJCT"]


def _source() -> str:
    return str(Path(__file__).resolve().parents[1] / "src")
