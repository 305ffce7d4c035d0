"""How the bank's messages name payments of ours, and say why."""

from __future__ import annotations

import re

from ringfence_kernel.values.reason_codes import is_reason_code

from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.iso20022.messages import Originals

MAX_UETR_LENGTH = 36
MAX_REMARK_LENGTH = 500
_NONE = re.compile(r"NOTPROVIDED|NONREF|0*")


def originals(node: Node, message_id: str) -> Originals:
    """Returns the ids by which a transaction is named, those that are none left out; raises FileRefused."""
    return Originals(
        message_id=stated(node.text("OrgnlGrpInf", "OrgnlMsgId")) or message_id,
        transaction_id=stated(node.text("OrgnlTxId")),
        end_to_end_id=stated(node.text("OrgnlEndToEndId")),
        instruction_id=stated(node.text("OrgnlInstrId")),
        uetr=stated(node.text("OrgnlUETR", length=MAX_UETR_LENGTH)).lower(),
    )


def stated(text: str | None) -> str:
    """Returns an id without blanks around it, empty for one that stands for none."""
    found = (text or "").strip()
    return "" if _NONE.fullmatch(found.upper()) else found


def explained(node: Node, information: str) -> tuple[str, str]:
    """Returns the first reason code of a transaction or group, and what the bank says in its own words.

    What does not have the form of a code of the external sets is the bank's own word, wherever it stands.
    """
    code, words = "", []
    for said in node.all(information):
        reason = said.maybe("Rsn")
        stated_code = (reason.text("Cd", length=MAX_REMARK_LENGTH) if reason else None) or ""
        if stated_code and not code and is_reason_code(stated_code):
            code = stated_code
        elif stated_code != code:
            words.append(stated_code)
        words.append((reason.text("Prtry", length=MAX_REMARK_LENGTH) if reason else None) or "")
        words += [line.element.text or "" for line in said.all("AddtlInf")]
    return code, " ".join(each.strip() for each in words if each.strip())[:MAX_REMARK_LENGTH]
