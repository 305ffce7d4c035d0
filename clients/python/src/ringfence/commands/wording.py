"""Facts of the log in words: amounts with currency, times in UTC and here, ids as they are typed, codes by name."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ringfence_verifier import Fact

from ringfence import money
from ringfence.ledger import Purpose, TransferFlag

TRANSFER = "custody.transfer.v1"
OPAQUE = "user_data_128"
_EPOCH = date(1970, 1, 1)
_SECOND = 10**9
Value = int | bytes | str


def fields_of(fact: Fact) -> list[list[str]]:
    """Each field with its value as people read it; what has no better form is shown as it is."""
    return [[name, _shown(fact, name, value)] for name, value in fact.fields.items()]


def amount_of(fact: Fact) -> str:
    """The amount of a fact with its currency, empty where it has none."""
    value = fact.fields.get("amount_minor")
    return _amount(fact, value) if isinstance(value, int) else ""


def gist_of(fact: Fact) -> str:
    """What a fact says in a few words: why money moved, which state was reached, what was decided."""
    if fact.kind == TRANSFER:
        return _purpose(fact.fields.get("code"))
    said = (fact.fields.get(name) for name in ("status", "state", "outcome", "effect", "reason", "method"))
    return " ".join(value for value in said if isinstance(value, str) and value)


def _shown(fact: Fact, name: str, value: Value) -> str:
    if isinstance(value, bytes):
        is_id = len(value) == 16 and (name.endswith("_id") or name == OPAQUE)
        return str(UUID(bytes=value)) if is_id else value.hex()
    if isinstance(value, str):
        return value
    try:
        return _number(fact, name, value)
    except (ValueError, OverflowError, OSError):
        return str(value)


def _number(fact: Fact, name: str, value: int) -> str:
    if name.endswith("_minor"):
        return _amount(fact, value)
    if name == "ledger":
        return money.currency_of(value)
    if name.endswith("_ns") and value:
        return _time(value)
    if name == "day" or name.endswith(("_day", "_days")):
        return str(_EPOCH + timedelta(value)) if value else ""
    if fact.kind == TRANSFER and name == "code":
        return _purpose(value)
    if fact.kind == TRANSFER and name == "flags":
        known = TransferFlag(value & sum(TransferFlag))
        names = [each.name.lower().replace("_", " ") for each in known if each.name]
        return ", ".join([*names, *([str(value - known)] if value != known else [])]) or "none"
    return str(value)


def _amount(fact: Fact, minor: int) -> str:
    ledger = fact.fields.get("ledger")
    try:
        return money.show(minor, money.currency_of(ledger)) if isinstance(ledger, int) else str(minor)
    except ValueError:
        return str(minor)


def _purpose(code: Value | None) -> str:
    try:
        return Purpose(code).name.lower().replace("_", " ") if isinstance(code, int) else ""
    except ValueError:
        return str(code)


def _time(nanoseconds: int) -> str:
    """Returns a time to the microsecond in UTC, and as the clock on this machine's wall shows it."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)
    here = at.astimezone()
    utc = f"{at:%Y-%m-%d %H:%M:%S.%f} UTC"
    return utc if here.utcoffset() == timedelta() else f"{utc} ({here:%Y-%m-%d %H:%M:%S %z} here)"
