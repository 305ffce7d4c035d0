"""Writing a message from a nested outline; what is None or empty is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from xml.sax.saxutils import escape  # nosec B406 # writes, and reads nothing

from ringfence_kernel.values import money

from ringfence_payment_instruction.iso20022.document import MAX_ID_LENGTH, NAMESPACE

MAX_NAME_LENGTH = 140
_AMOUNT_LIMIT = 10**18
_LINE_END = {"\r": "&#13;"}  # a parser would read it as a newline
_NANOSECONDS = 1_000_000_000
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2


@dataclass(frozen=True, slots=True)
class Amount:
    """The content of an amount element: integer minor units and the alphabetic currency code."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Attributed:
    """The content of an amount element that stands as somebody else has written it."""

    text: str
    currency: str


Content: TypeAlias = "str | Amount | Attributed | Iterable[Node | None] | None"
Node: TypeAlias = "tuple[str, Content]"


def write_message(name: str, body: Node) -> bytes:
    """Returns the bytes of a message (UTF-8, with declaration) whose Document holds the body."""
    document = f'<Document xmlns="{NAMESPACE}{name}">{_render(body)}</Document>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}\n'.encode()


def _render(node: Node) -> str:
    name, content = node
    if content is None:
        return ""
    if isinstance(content, str):
        return f"<{name}>{escape(content, _LINE_END)}</{name}>"
    if isinstance(content, Amount):
        return f'<{name} Ccy="{content.currency}">{_decimal(content)}</{name}>'
    if isinstance(content, Attributed):
        return f'<{name} Ccy="{content.currency}">{escape(content.text, _LINE_END)}</{name}>'
    inner = "".join(_render(child) for child in content if child is not None)
    return f"<{name}>{inner}</{name}>" if inner else ""


def _decimal(amount: Amount) -> str:
    if not 0 <= amount.amount_minor < _AMOUNT_LIMIT:
        raise ValueError("an ISO 20022 amount is not negative and has at most 18 digits")
    return money.from_minor(amount.amount_minor, money.currency(amount.currency))


def limited(value: str | None, length: int) -> str | None:
    """Returns the text without what XML forbids, cut to the length; None when nothing is left."""
    return _ILLEGAL.sub("", value)[:length].strip() or None if value else None


def identification(value: str) -> str:
    """Returns an identification (Max35Text) as it is; raises ValueError if it cannot be written without change."""
    if not 0 < len(value) <= MAX_ID_LENGTH or _ILLEGAL.search(value):
        raise ValueError(f"an identification has 1 to {MAX_ID_LENGTH} characters that XML allows")
    return value


def moment(time_ns: int) -> str:
    """Returns UTC nanoseconds as an ISODateTime to the millisecond."""
    seconds, rest_ns = divmod(time_ns, _NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03}Z"
