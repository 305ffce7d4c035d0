"""How what somebody types into a search was taken, and on what an answer to it rests: proven, or on whose word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import iso4217

from ringfence_desk import times
from ringfence_desk.language import Language

SHORTEST_NAME = 2
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_INDEX = re.compile(r"#(\d{1,18})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_FIGURES = re.compile(r"(\d{1,3}(?:[ ,']\d{3})+|\d{1,18})(?:\.(\d{1,6}))?")


class Taken(StrEnum):
    """As what it was taken."""

    FACT = "fact"
    ID = "id"
    FILE = "file"
    AMOUNT = "amount"
    DAY = "day"
    IBAN = "iban"
    NUMBER = "identity_number"
    NAME = "name"
    TEXT = "text"


@dataclass(frozen=True)
class Sought:
    """One way to take what was typed, with what it then is.

    `id` is of Taken.ID; `sha256` of Taken.FILE; `minor` and `ledger` (ISO 4217 numeric) of Taken.AMOUNT; `between_ns`
    (UTC nanoseconds, from and before) of Taken.DAY; `index` of Taken.FACT; the rest is `text`.
    """

    taken: Taken
    text: str
    id: UUID | None = None
    sha256: bytes = b""
    minor: int = 0
    ledger: int = 0
    between_ns: tuple[int, int] | None = None
    index: int = 0


class Ground(StrEnum):
    """On what it rests that these are all, or that there are none."""

    PROVEN = "proven"
    """The log's own index: proven from the answer alone."""
    IDENTITY = "identity"
    """Identity's word, which alone opens names, numbers and IBANs."""
    BESIDE = "beside"
    """The log's word about texts that stand beside it."""
    LOG = "log"
    """The log's word: the facts are proven one by one, and that there are no others is not."""


_GROUNDS = {
    Ground.PROVEN: {
        Language.ENGLISH: "complete up to fact {until}, and proven: there are no others",
        Language.CHINESE: "截至第 {until} 条事实完整，且已证明：此外没有其他事实",
    },
    Ground.IDENTITY: {
        Language.ENGLISH: "whom it is about is identity's word, as of its event {until}; no proof shows that nobody "
        "else is meant, and whoever was erased is not found",
        Language.CHINESE: "所指何人，以身份服务截至其第 {until} 号事件的答复为准；没有证明表明不涉及他人，"
        "资料已删除者查不到",
    },
    Ground.BESIDE: {
        Language.ENGLISH: "looked through the texts kept beside the log for facts before {until}, as whole texts; no "
        "proof shows that there are no others, and texts that were erased or pruned are not found",
        Language.CHINESE: "已按全文查找日志旁所存第 {until} 条之前事实的文本；没有证明表明再无其他文本，"
        "已删除或已清理的文本查不到",
    },
    Ground.LOG: {
        Language.ENGLISH: "each of these can be proven by its receipt; that there are no others is the log's word",
        Language.CHINESE: "每条事实均可凭其回执证明；此外没有其他事实，仅以日志所称为准",
    },
}
_UNNUMBERED = {
    Language.ENGLISH: "whom it is about is identity's word as of now, for the platforms that you may read of; no proof "
    "shows that nobody else is meant, and whoever was erased is not found",
    Language.CHINESE: "所指何人，以身份服务当前的答复为准，仅限您可查阅的平台；没有证明表明不涉及他人，"
    "资料已删除者查不到",
}
"""Identity's word to who is not told how far all platforms have come."""
_TAKEN = {
    Taken.FACT: ("the fact number {text}", "第 {text} 条事实"),
    Taken.ID: ("the id {text}", "标识 {text}"),
    Taken.FILE: ("the file with SHA-256 {text}", "SHA-256 为 {text} 的文件"),
    Taken.AMOUNT: ("the amount {text}", "金额 {text}"),
    Taken.DAY: ("the day {text}, UTC", "UTC 日期 {text}"),
    Taken.IBAN: ("the IBAN {text}", "IBAN {text}"),
    Taken.NUMBER: ("the identity number {text}", "证件号码 {text}"),
    Taken.NAME: ("words of the name {text}", "姓名或名称中的字词 {text}"),
    Taken.TEXT: ("the text or reference {text}", "文本或参考号 {text}"),
}


def taken(typed: str) -> list[Sought]:
    """Gives the ways to take what was typed, the likeliest first; none for nothing.

    What has a form of its own is taken as that alone; anything else may be a text, a name or an identity number.
    """
    text = " ".join(typed.split())
    certain = _index(text) or _id(text) or _iban(text) or _day(text) or _amount(text)
    if certain or not text:
        return [certain] if certain else []
    found = [Sought(Taken.TEXT, text)]
    if sum(map(str.isalpha, text)) >= SHORTEST_NAME:
        found.append(Sought(Taken.NAME, text))
    if any(map(str.isdigit, text)) and " " not in text:
        found.append(Sought(Taken.NUMBER, text))
    return found


def taken_as(typed: str, kind: Taken) -> Sought | None:
    """Gives what was typed as one kind; None where it is not of its form."""
    text = " ".join(typed.split())
    if kind in (Taken.NUMBER, Taken.NAME, Taken.TEXT):
        return Sought(kind, text) if text else None
    return next((each for each in taken(typed) if each.taken is kind), None)


def said(sought: Sought, language: Language) -> str:
    """Gives in words how it was taken."""
    return _TAKEN[sought.taken][0 if language is Language.ENGLISH else 1].format(text=sought.text)


def grounded(ground: Ground, until: int, language: Language) -> str:
    """Gives in words on what an answer rests; `until` is how far: a number of facts, or of identity's events.

    Identity's is 0 for a reader of some platforms.
    """
    if ground is Ground.IDENTITY and not until:
        return _UNNUMBERED[language]
    return _GROUNDS[ground][language].format(until=until)


def together(grounds: Sequence[Ground]) -> Ground:
    """Gives on what an answer rests that was found in several steps: on the weakest of them."""
    order = (Ground.LOG, Ground.BESIDE, Ground.IDENTITY, Ground.PROVEN)
    return min(grounds, key=order.index, default=Ground.PROVEN)


def _index(text: str) -> Sought | None:
    found = _INDEX.fullmatch(text)
    return Sought(Taken.FACT, text, index=int(found[1])) if found else None


def _id(text: str) -> Sought | None:
    bare = text.replace("-", "")
    if not _HEXADECIMAL.fullmatch(bare):
        return None
    if len(bare) == 64:
        return Sought(Taken.FILE, bare.lower(), sha256=bytes.fromhex(bare))
    found = UUID(bare)
    return Sought(Taken.ID, str(found), id=found)


def iban(text: str) -> str:
    """Reads an IBAN by form and check digits (ISO 13616); empty for what is none."""
    compact = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(compact):
        return ""
    digits = "".join(str(int(each, 36)) for each in compact[4:] + compact[:4])
    return compact if int(digits) % 97 == 1 else ""


def _iban(text: str) -> Sought | None:
    found = iban(text)
    return Sought(Taken.IBAN, found) if found else None


def _day(text: str) -> Sought | None:
    try:
        from_ns = times.begins_ns(times.day_typed(text))
    except ValueError:
        return None
    return Sought(Taken.DAY, text, between_ns=(from_ns, from_ns + times.DAY_NS))


def _amount(text: str) -> Sought | None:
    """Reads an amount with its currency's code before or behind it: 12.34 EUR, EUR 1,234.50."""
    parts = text.split(" ")
    code = next((part for part in (parts[0], parts[-1]) if len(part) == 3 and part.isalpha() and part.isascii()), "")
    known = {each.code: each for each in iso4217.Currency if each.exponent is not None}.get(code.upper())
    if known is None or len(parts) < 2:
        return None
    figures = " ".join(parts[1:] if parts[0] == code else parts[:-1])
    read, exponent = _FIGURES.fullmatch(figures), known.exponent or 0
    if read is None or len(read[2] or "") > exponent:
        return None
    whole = re.sub(r"[ ,']", "", read[1])
    minor = int(whole) * 10**exponent + int((read[2] or "").ljust(exponent, "0") or 0)
    return Sought(Taken.AMOUNT, text, minor=minor, ledger=known.number) if 0 < minor < 2**63 else None
