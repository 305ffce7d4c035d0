"""From what sums on a customer's money of a day is to be reported (D4), each with where that is written.

A table of what a rule pack is to say: until one does, these are the rules of China alone, as second sources quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ringfence_audit.reports.domain.report import Said

CNY, USD = 156, 840
_ENGLISH = "中国人民银行令〔2016〕第 3 号"
_CHINESE = "中国人民银行令〔2016〕第 3 号《金融机构大额交易和可疑交易报告管理办法》"
NOT_CONVERTED = Said(
    f"{_ENGLISH} Art 5: several currencies, the lower test [second source]",
    f"{_CHINESE}第五条：涉及多个币种的，按较低标准判定（据二手资料）",
)
DEADLINE = Said(f"{_ENGLISH}: five working days [second source]", f"{_CHINESE}：五个工作日内（据二手资料）")


def _item(number: int, chinese: str) -> Said:
    """Returns where one of the four items is written."""
    return Said(f"{_ENGLISH} Art 5({number}) [second source]", f"{_CHINESE}第五条第一款第（{chinese}）项（据二手资料）")


class Who(Enum):
    """Whose money a threshold is about: the words of reports name them."""

    ANYBODY = "anybody"
    COMPANY = "company"
    PERSON = "person"
    PERSON_ABROAD = "person_abroad"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A sum of receipts, or of payments, of one customer on one day, from which on it is reported, in minor units."""

    criterion: str
    who: Who
    ledger: int
    minor: int
    citation: Said


THRESHOLDS = tuple(
    Threshold(criterion, who, ledger, units * 100, _item(number, item))
    for criterion, number, item, who, in_cny, in_usd in (
        ("0501", 1, "一", Who.ANYBODY, 50_000, 10_000),
        ("0502", 2, "二", Who.COMPANY, 2_000_000, 200_000),
        ("0503", 3, "三", Who.PERSON, 500_000, 100_000),
        ("0504", 4, "四", Who.PERSON_ABROAD, 200_000, 10_000),
    )
    for ledger, units in ((CNY, in_cny), (USD, in_usd))
)
"""0501 is about cash, which no account here knows; 0504 about payments across a border, which no leaf tells."""

KINDS: Mapping[str, tuple[str, ...]] = {"COMPANY": ("0502",), "PERSON": ("0503", "0504")}
"""The criteria that transfers of a customer of a kind may meet."""


def criteria_of(party_kind: str) -> tuple[str, ...]:
    """Returns the criteria that a customer's transfers may meet, none for one of whom nobody says what he is."""
    return KINDS.get(party_kind, ())


def threshold(criterion: str, ledger: int) -> Threshold | None:
    """Returns the threshold of a criterion in a currency; None where it has to be converted, and nobody has rates."""
    return next((each for each in THRESHOLDS if (each.criterion, each.ledger) == (criterion, ledger)), None)


def lowest(ledger: int) -> int | None:
    """Returns the least sum that any customer may be reported for in a currency; None where no criterion has one."""
    met = {criterion for some in KINDS.values() for criterion in some}
    return min((each.minor for each in THRESHOLDS if each.ledger == ledger and each.criterion in met), default=None)
