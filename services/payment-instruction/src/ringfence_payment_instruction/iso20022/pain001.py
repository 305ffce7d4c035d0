"""Reading pain.001.001.03 and .09 (CustomerCreditTransferInitiation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from lxml import etree
from ringfence_kernel.values import iban, money

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, XML_SPACES, Message, open_message
from ringfence_payment_instruction.iso20022.messages import (
    Account,
    CreditTransfer,
    CreditTransferFile,
    NamedParty,
    PaymentInformation,
    StatusReason,
)
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.iso20022.schemas import CREDIT_TRANSFER_SCHEMAS, require_valid

_Fields = dict[str, etree._Element]
_CHEQUE = "CHK"
_PARTIES = ("UltmtDbtr", "UltmtCdtr")
_AGENTS = ("DbtrAgt", "IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3", "CdtrAgt")
CONVERSION = StatusReason("AM03", "an equivalent amount to be converted is not supported")


def read_credit_transfer_file(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> CreditTransferFile:
    """Returns the transfers that a customer's file asks for; raises FileRefused, and nothing else.

    The file is refused whole when it is not a valid pain.001 of a supported version, contradicts its own NbOfTxs or
    CtrlSum, has an IBAN with wrong check digits, or an amount that its currency cannot express.
    """
    message = open_message(content, CREDIT_TRANSFER_SCHEMAS, max_bytes)
    with message.identified():
        require_valid(message)
        _require_right_ibans(message)
        return _Reader(message).read()


def _require_right_ibans(message: Message) -> None:
    checked: set[str] = set()
    for element in message.document.iter(f"{{{message.namespace}}}IBAN"):
        text = (element.text or "").upper()
        if text in checked:
            continue
        if not iban.is_valid(text):
            account = next(a for a in element.iterancestors() if not a.tag.endswith("}Id"))
            name = etree.QName(account).localname
            raise FileRefused("IBAN_INVALID", f"line {element.sourceline}: the IBAN of {name} is not valid")
        checked.add(text)


class _Reader:
    """Walks one valid message once, child by child: a tenth of the time of searching by path."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._prefix_length = len(message.namespace) + 2
        self._position = 0
        self._sum = Decimal(0)
        self._initiator: list[NamedParty] = []

    def read(self) -> CreditTransferFile:
        """Returns the file; raises FileRefused for totals, amounts and dates."""
        initiation = self._message.document[0]
        header = self._fields(initiation[0])
        party = self._fields(header["InitgPty"])
        self._initiator = [("InitgPty", name)] if (name := _text(party, "Nm")) else []
        payments = tuple(self._payment(element) for element in self._named(initiation, "PmtInf"))
        self._require_totals(header, self._position, self._sum, "GrpHdr")
        return CreditTransferFile(
            message_id=_text(header, "MsgId") or "",
            message_name=self._message.name,
            created_at=_moment(header["CreDtTm"]),
            number_of_transactions=self._position,
            control_sum=(_text(header, "CtrlSum") or "").strip(XML_SPACES) or None,
            initiating_party=_text(party, "Nm"),
            payments=payments,
            sha256=self._message.sha256,
        )

    def _payment(self, element: etree._Element) -> PaymentInformation:
        fields = self._fields(element)
        first, sum_before = self._position, self._sum
        method = _text(fields, "PmtMtd") or ""
        obstacle = StatusReason("AG03", "payment by cheque is not supported") if method == _CHEQUE else None
        parties = [*self._initiator, *self._parties(fields)]
        transfers = tuple(self._transfer(each, obstacle, parties) for each in self._named(element, "CdtTrfTxInf"))
        self._require_totals(fields, self._position - first, self._sum - sum_before, "PmtInf")
        return PaymentInformation(
            payment_information_id=_text(fields, "PmtInfId") or "",
            payment_method=method,
            debtor_name=_text(self._fields(fields["Dbtr"]), "Nm"),
            debtor_account=self._account(fields, "DbtrAcct"),
            debtor_agent_bic=self._bic(fields, "DbtrAgt"),
            requested_execution_date=self._execution_date(fields["ReqdExctnDt"]),
            transactions=transfers,
        )

    def _transfer(
        self, element: etree._Element, payment_obstacle: StatusReason | None, parties: Sequence[NamedParty]
    ) -> CreditTransfer:
        self._position += 1
        fields = self._fields(element)
        identification = self._fields(fields["PmtId"])
        amount_minor, currency, conversion = self._amount(fields["Amt"][0])
        creditor = self._account(fields, "CdtrAcct")
        return CreditTransfer(
            position=self._position,
            end_to_end_id=_text(identification, "EndToEndId") or "",
            instruction_id=_text(identification, "InstrId"),
            uetr=_text(identification, "UETR"),
            amount_minor=amount_minor,
            currency=currency,
            creditor_name=_text(self._fields(fields["Cdtr"]), "Nm") if "Cdtr" in fields else None,
            creditor_account=creditor,
            creditor_agent_bic=self._bic(fields, "CdtrAgt"),
            remittance=self._remittance(fields["RmtInf"]) if "RmtInf" in fields else None,
            purpose=fields["Purp"][0].text if "Purp" in fields else None,
            unpayable=payment_obstacle or conversion or _transfer_obstacle(amount_minor, creditor),
            parties=(*parties, *self._parties(fields)),
        )

    def _parties(self, fields: _Fields) -> list[NamedParty]:
        """Returns who is named beside debtor and creditor, at this level."""
        named = [(role, _text(self._fields(fields[role]), "Nm")) for role in _PARTIES if role in fields]
        named += [(role, _text(self._fields(fields[role][0]), "Nm")) for role in _AGENTS if role in fields]
        return [(role, name) for role, name in named if name]

    def _amount(self, element: etree._Element) -> tuple[int, str, StatusReason | None]:
        """Returns minor units and currency of InstdAmt, or of EqvtAmt with the obstacle where it asks to convert."""
        obstacle = None
        if element.tag.endswith("}EqvtAmt"):
            element, target = element[0], element[1].text
            if target != element.get("Ccy"):
                obstacle = CONVERSION
        text, code = (element.text or "").strip(XML_SPACES), element.get("Ccy", "")
        try:
            currency = money.currency(code)
            amount_minor = money.to_minor(text, currency)
        except money.CurrencyUnknown:
            raise FileRefused("CURRENCY_NOT_SUPPORTED", f"line {element.sourceline}: no ISO 4217 currency") from None
        except money.AmountInvalid:
            raise FileRefused("AMOUNT_INVALID", f"line {element.sourceline}: no amount in {code}") from None
        self._sum += Decimal(text)
        return amount_minor, code, obstacle

    def _account(self, fields: _Fields, name: str) -> Account:
        if name not in fields:
            return Account()
        choice = self._fields(fields[name])["Id"][0]
        if choice.tag.endswith("}IBAN"):
            return Account(iban=(choice.text or "").upper())
        return Account(other=choice[0].text)

    def _bic(self, fields: _Fields, name: str) -> str | None:
        if name not in fields:
            return None
        institution = self._fields(fields[name][0])
        return _text(institution, "BICFI") or _text(institution, "BIC")

    def _remittance(self, element: etree._Element) -> str | None:
        """Returns the unstructured lines in one, or else the first structured creditor reference (ISO 11649)."""
        lines = [line.text for line in self._named(element, "Ustrd") if line.text]
        if lines:
            return " ".join(lines)
        reference = f"{{{self._message.namespace}}}CdtrRefInf/{{{self._message.namespace}}}Ref"
        return next((text for item in element if (text := item.findtext(reference))), None)

    def _execution_date(self, element: etree._Element) -> date:
        leaf = element[0] if len(element) else element
        try:
            return date.fromisoformat((leaf.text or "").strip()[:10])
        except ValueError:
            raise FileRefused("DATE_INVALID", f"line {leaf.sourceline}: no date between the years 1 and 9999") from None

    def _require_totals(self, fields: _Fields, count: int, total: Decimal, where: str) -> None:
        stated_count, stated_sum = _text(fields, "NbOfTxs"), _text(fields, "CtrlSum")
        if stated_count is not None and int(stated_count) != count:
            raise FileRefused("COUNT_MISMATCH", f"{where}/NbOfTxs says {int(stated_count)}, counted {count}")
        if stated_sum is not None and Decimal(stated_sum.strip(XML_SPACES)) != total:
            raise FileRefused(
                "CONTROL_SUM_MISMATCH", f"{where}/CtrlSum says {stated_sum.strip(XML_SPACES)}, summed {total}"
            )

    def _fields(self, element: etree._Element) -> _Fields:
        skip = self._prefix_length
        return {child.tag[skip:]: child for child in element}

    def _named(self, element: etree._Element, name: str) -> Iterator[etree._Element]:
        return element.iterchildren(f"{{{self._message.namespace}}}{name}")


def _text(fields: _Fields, name: str) -> str | None:
    element = fields.get(name)
    return None if element is None else element.text


def _moment(element: etree._Element) -> datetime:
    try:
        moment = datetime.fromisoformat((element.text or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FileRefused("DATE_INVALID", f"line {element.sourceline}: no time between the years 1 and 9999") from None


def _transfer_obstacle(amount_minor: int, creditor: Account) -> StatusReason | None:
    if amount_minor == 0:
        return StatusReason("AM01", "the amount is zero")
    if creditor == Account():
        return StatusReason("AC03", "the creditor account is missing")
    return None
