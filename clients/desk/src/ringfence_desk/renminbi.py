"""Amounts of renminbi in the characters that nobody can alter (大写), as Chinese vouchers and statements have them.

By the People's Bank of China's rules for filling in bills and vouchers (正确填写票据和结算凭证的基本规定): 整
closes what ends in yuan or jiao, and never fen; zeros between figures are one 零, also that of jiao before fen; what
begins with ten has its 壹. Where the rules leave a 零 open (yuan ends in zero, jiao does not) none is written.
"""

from __future__ import annotations

LEDGER = 156
"""ISO 4217 numeric code of the currency, which has two decimals."""
PREFIX = "人民币"
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")
_WAN, _YI = 10**4, 10**8


def in_characters(fen: int) -> str:
    """Gives an amount of fen ("人民币壹仟陆佰捌拾元叁角贰分"); one below zero has 负 after the currency."""
    yuan, rest = divmod(abs(fen), 100)
    jiao, last = divmod(rest, 10)
    said = f"{_whole(yuan)}元" if yuan else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    if last:
        said += ("零" if yuan and not jiao else "") + f"{_DIGITS[last]}分"
    said = said or "零元"
    return PREFIX + ("负" if fen < 0 else "") + said + ("" if last else "整")


def _whole(number: int) -> str:
    """Writes a number above zero; 亿 stands for itself again beyond 9999 亿."""
    for unit, name in ((_YI, "亿"), (_WAN, "万")):
        if number >= unit:
            high, low = divmod(number, unit)
            return _whole(high) + name + _after(low, unit)
    return _upto_9999(number)


def _after(low: int, unit: int) -> str:
    """Writes what follows a unit, with one 零 where its first place is empty; nothing of nothing."""
    return ("零" if low < unit // 10 else "") + _whole(low) if low else ""


def _upto_9999(number: int) -> str:
    said, is_gap = "", False
    for digit, place in zip(map(int, f"{number:04}"), _PLACES, strict=True):
        if digit:
            said += ("零" if is_gap and said else "") + _DIGITS[digit] + place
        is_gap = not digit
    return said
