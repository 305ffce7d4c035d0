"""Money: integer minor units below 2^63 in a currency of ISO 4217."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ringfence_kernel.values.errors import DomainError

MAX_AMOUNT_MINOR = 2**63 - 1


class AmountInvalid(DomainError):
    """The text is no amount of that currency: not a plain decimal, too many decimals, negative, or beyond 2^63 - 1."""

    reason = "AMOUNT_INVALID"
    code = "INVALID_ARGUMENT"


class CurrencyUnknown(DomainError):
    """The code is not in ISO 4217's list of currencies in use."""

    reason = "CURRENCY_UNKNOWN"
    code = "INVALID_ARGUMENT"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency: ISO 4217 numeric code (the ledger), alphabetic code, and decimals of its minor unit."""

    numeric_code: int
    alpha: str
    exponent: int


# ISO 4217 list one: alphabetic code, numeric code; two decimals unless listed in EXPONENTS.
CODES = """
AED 784 AFN 971 ALL 008 AMD 051 AOA 973 ARS 032 AUD 036 AWG 533 AZN 944 BAM 977 BBD 052 BDT 050 BHD 048 BIF 108
BMD 060 BND 096 BOB 068 BRL 986 BSD 044 BTN 064 BWP 072 BYN 933 BZD 084 CAD 124 CDF 976 CHF 756 CLF 990 CLP 152
CNY 156 COP 170 CRC 188 CUP 192 CVE 132 CZK 203 DJF 262 DKK 208 DOP 214 DZD 012 EGP 818 ERN 232 ETB 230 EUR 978
FJD 242 FKP 238 GBP 826 GEL 981 GHS 936 GIP 292 GMD 270 GNF 324 GTQ 320 GYD 328 HKD 344 HNL 340 HTG 332 HUF 348
IDR 360 ILS 376 INR 356 IQD 368 IRR 364 ISK 352 JMD 388 JOD 400 JPY 392 KES 404 KGS 417 KHR 116 KMF 174 KPW 408
KRW 410 KWD 414 KYD 136 KZT 398 LAK 418 LBP 422 LKR 144 LRD 430 LSL 426 LYD 434 MAD 504 MDL 498 MGA 969 MKD 807
MMK 104 MNT 496 MOP 446 MRU 929 MUR 480 MVR 462 MWK 454 MXN 484 MYR 458 MZN 943 NAD 516 NGN 566 NIO 558 NOK 578
NPR 524 NZD 554 OMR 512 PAB 590 PEN 604 PGK 598 PHP 608 PKR 586 PLN 985 PYG 600 QAR 634 RON 946 RSD 941 RUB 643
RWF 646 SAR 682 SBD 090 SCR 690 SDG 938 SEK 752 SGD 702 SHP 654 SLE 925 SOS 706 SRD 968 SSP 728 STN 930 SVC 222
SYP 760 SZL 748 THB 764 TJS 972 TMT 934 TND 788 TOP 776 TRY 949 TTD 780 TWD 901 TZS 834 UAH 980 UGX 800 USD 840
UYU 858 UZS 860 VED 926 VES 928 VND 704 VUV 548 WST 882 XAF 950 XCD 951 XCG 532 XOF 952 XPF 953 YER 886 ZAR 710
ZMW 967 ZWG 924
""".split()
EXPONENTS = (
    dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)
    | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
    | {"CLF": 4}
)
CURRENCIES = [
    Currency(int(number), alpha, EXPONENTS.get(alpha, 2)) for alpha, number in zip(CODES[::2], CODES[1::2], strict=True)
]
_BY_CODE: dict[int | str, Currency] = {c.numeric_code: c for c in CURRENCIES} | {c.alpha: c for c in CURRENCIES}


def currency(code: int | str) -> Currency:
    """Returns the currency of a numeric or alphabetic code; raises CurrencyUnknown."""
    try:
        return _BY_CODE[code]
    except KeyError:
        raise CurrencyUnknown(f"{code!r} is not a currency of ISO 4217") from None


def to_minor(text: str, of: Currency) -> int:
    """Returns minor units of a plain decimal such as "1234.50"; raises AmountInvalid."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise AmountInvalid(f"{text[:40]!r} is not a decimal number") from None
    if not value.is_finite() or value.adjusted() > 20 or value.is_signed():
        raise AmountInvalid("an amount is finite, not negative, and below 2^63 minor units")
    minor = value.scaleb(of.exponent)
    if minor != minor.to_integral_value():
        raise AmountInvalid(f"{of.alpha} has {of.exponent} decimals")
    if minor > MAX_AMOUNT_MINOR:
        raise AmountInvalid("an amount is below 2^63 minor units")
    return int(minor)


def from_minor(amount_minor: int, of: Currency) -> str:
    """Returns the plain decimal of minor units, signed, with all decimals of the currency."""
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(of.exponent + 1, "0")
    return sign + (f"{digits[: -of.exponent]}.{digits[-of.exponent :]}" if of.exponent else digits)
