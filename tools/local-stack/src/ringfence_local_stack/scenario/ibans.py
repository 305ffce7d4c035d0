"""IBANs (ISO 13616) for tests: random accounts at a German bank that does not exist."""

import secrets

_BANK = "50099902"
_ACCOUNT_DIGITS = 10


def iban_of(country: str, account: str) -> str:
    """The IBAN of an account, the part after the check digits, which are computed by ISO 7064 MOD 97-10."""
    return f"{country}{98 - _remainder(country, account):02d}{account}"


def new_iban(check_digits: str = "") -> str:
    """An IBAN that nobody has; with those check digits, 02 to 98, where they are named."""
    while True:
        iban = iban_of("DE", f"{_BANK}{secrets.randbelow(10**_ACCOUNT_DIGITS):0{_ACCOUNT_DIGITS}d}")
        if check_digits in ("", iban[2:4]):
            return iban


def same_remainder(iban: str) -> str:
    """The look-alike of an IBAN with check digits 97, 98 or 02: 00, 01 or 99, which leave the same remainder."""
    twins = {"97": "00", "98": "01", "02": "99"}
    return iban[:2] + twins[iban[2:4]] + iban[4:]


def _remainder(country: str, account: str) -> int:
    return int("".join(str(int(character, 36)) for character in f"{account}{country}00")) % 97
