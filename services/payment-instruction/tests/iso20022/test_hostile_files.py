"""Files made to hurt: every one is refused, none is followed, none is slow."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_payment_instruction.iso20022.bank_files import is_return, tells_of_account
from ringfence_payment_instruction.iso20022.pacs002 import read_payment_status_report
from ringfence_payment_instruction.iso20022.pacs004 import read_payment_returns
from ringfence_payment_instruction.iso20022.pain001 import read_credit_transfer_file
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.camt import read_camt

Pain001 = Callable[..., bytes]
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
BOMB = b"""<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]>"""


def _with_doctype(content: bytes, doctype: bytes, text: bytes) -> bytes:
    return content.replace(DECLARATION, DECLARATION + doctype).replace(b"OWN-EXAMPLE-1", text)


def _refusal(content: bytes) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_credit_transfer_file(content)
    return caught.value


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        b'<!DOCTYPE d [<!ENTITY f "%s">]>' % (b"A" * 1_000_000),
        b"<!DOCTYPE d>",
        b'<!DOCTYPE d SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        b"<!-- first -->  <?pi?> <!DOCTYPE d [<!ATTLIST Document a CDATA 'x'>]>",
    ],
    ids=["bomb", "huge entity", "plain", "external", "parameter entity", "after comment"],
)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_a_doctype_is_refused_before_anything_is_resolved(pain001: Pain001, doctype: bytes, encoding: str) -> None:
    """Whatever a DOCTYPE holds, and in whatever encoding, the file is refused for it, at once."""
    content = _with_doctype(pain001(), doctype, b"&f;").decode().replace("UTF-8", encoding).encode(encoding)
    started = time.process_time()
    assert _refusal(content).reason == "DOCTYPE_REFUSED"
    assert time.process_time() - started < 1


def test_an_external_entity_is_never_read(pain001: Pain001, tmp_path: Path) -> None:
    """The content of a local file does not get into a message id."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    doctype = f'<!DOCTYPE d [<!ENTITY f SYSTEM "{secret.as_uri()}">]>'.encode()
    refusal = _refusal(_with_doctype(pain001(), doctype, b"&f;"))
    assert (refusal.reason, refusal.message_id) == ("DOCTYPE_REFUSED", "NOTPROVIDED")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda c: b"", "NOT_WELL_FORMED"),
        (lambda c: b"\x00" * 100, "NOT_WELL_FORMED"),
        (lambda c: b"MsgId;Amount\n1;2\n", "NOT_WELL_FORMED"),
        (lambda c: c[: len(c) // 2], "NOT_WELL_FORMED"),
        (lambda c: c.replace(b"Wolf", b"W\xf6lf"), "NOT_WELL_FORMED"),
        (lambda c: c.replace(b"UTF-8", b"no-such-encoding"), "NOT_WELL_FORMED"),
        (lambda c: c.replace(b"UTF-8", b"UTF-16"), "NOT_WELL_FORMED"),
        (lambda c: c.replace(b"Wolf", b"&undefined;"), "NOT_WELL_FORMED"),
        (lambda c: c.replace(b"<Nm>Wolf", b"<x>" * 5000 + b"</x>" * 5000 + b"<Nm>Wolf"), "FILE_TOO_COMPLEX"),
        (lambda c: c.replace(b"Wolf", b"W" * 12_000_000), "FILE_TOO_COMPLEX"),
        (lambda c: c.replace(b"Wolf", b"W" * 60_000), "SCHEMA_INVALID"),
        (lambda c: c.replace(b"</PmtInf>", b"<CdtTrfTxInf/>" * 100_000 + b"</PmtInf>"), "SCHEMA_INVALID"),
        (lambda c: c.replace(b"<GrpHdr>", b"<a>%b</a>" % (b"x" * 60_000) * 200 + b"<GrpHdr>"), "SCHEMA_INVALID"),
        (lambda c: c + b" " * (33 * 1024 * 1024), "FILE_TOO_LARGE"),
        (lambda c: b"<Document/>", "NO_MESSAGE"),
        (lambda c: b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>', "SCHEMA_INVALID"),
    ],
)
def test_a_damaged_file_is_refused(pain001: Pain001, damage: Callable[[bytes], bytes], reason: str) -> None:
    """Truncated, mis-encoded, nested, swollen, empty or wrong all over: a refusal with a reason, and soon."""
    content = damage(pain001())
    started = time.process_time()
    assert _refusal(content).reason == reason
    assert time.process_time() - started < 2


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-8-sig", "ISO-8859-1"])
def test_encodings_that_xml_knows_are_read(pain001: Pain001, encoding: str) -> None:
    """A file in another encoding that it declares is the same message."""
    text = pain001().decode().replace("Wolf", "Wölf").replace("UTF-8", encoding.removesuffix("-sig"))
    assert read_credit_transfer_file(text.encode(encoding)).payments[0].debtor_name == "Wölf Kessler"


def test_comments_and_instructions_between_do_not_cut_a_value(pain001: Pain001) -> None:
    """A comment inside a text does not shorten it: what is signed for is what is read."""
    content = pain001().replace(b"OWN-EXAMPLE-1", b"OWN-<!-- x -->EXAM<?y?>PLE<![CDATA[-1]]>")
    assert read_credit_transfer_file(content).message_id == "OWN-EXAMPLE-1"
    moved = pain001().replace(b"<PmtInf>", b"<!-- a --><PmtInf><?b?>").replace(b"<Amt>", b"<Amt><!-- c -->")
    assert read_credit_transfer_file(moved).number_of_transactions == 2


def test_a_schema_location_is_not_followed(pain001: Pain001) -> None:
    """The schema is ours; where the file says it lies plays no part."""
    hint = (
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xsi:schemaLocation="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09 http://127.0.0.1:9/none.xsd" xmlns='
    )
    assert read_credit_transfer_file(pain001().replace(b"xmlns=", hint, 1)).number_of_transactions == 2


@given(st.data())
def test_random_damage_never_breaks_a_reader(pain001: Pain001, data: st.DataObject) -> None:
    """Whatever bytes are changed, cut or put in, a reader returns a value or raises FileRefused."""
    content = bytearray(pain001(transactions=1))
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "number"])):
            case "flip":
                content[position] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del content[position : position + data.draw(st.integers(1, 40))]
            case "insert":
                content[position:position] = data.draw(st.binary(max_size=20))
            case "number":
                content[position : position + 1] = data.draw(st.sampled_from([b"9", b"0", b"-", b".", b"&#1;", b" "]))
        if not content:
            break
    readers = (
        read_credit_transfer_file,
        tells_of_account,
        is_return,
        read_payment_status_report,
        read_payment_returns,
        read_camt,
    )
    for reader in readers:
        with suppress(FileRefused):
            reader(bytes(content))
