"""Times and days as people read them: UTC, and said so."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringfence_desk.language import Language

_EPOCH = date(1970, 1, 1)
_PATTERNS = {Language.ENGLISH: "d MMM y", Language.CHINESE: "y年M月d日"}
_SECOND = 10**9
DAY_NS = 86_400 * _SECOND
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST_YEAR = 2261
"""The last whole one whose nanoseconds since 1970 have 63 bits, as services count them."""
LONGEST_ZONE = 64
"""Characters; the longest of the database has half of it."""


def moment(time_ns: int, language: Language) -> str:
    """Gives a time, UTC nanoseconds, to the millisecond ("29 Nov 2026 00:18:28.679 UTC"); bare where it is no date."""
    try:
        return f"{day(time_ns // DAY_NS, language)} {clock(time_ns)} UTC"
    except (OverflowError, ValueError):
        return str(time_ns)


def day_typed(text: str) -> date:
    """Reads a day as it is typed everywhere, 2026-01-31; raises ValueError.

    Other forms of ISO 8601 are none, nor is a day whose beginning or end has no time in nanoseconds: 1970 to 2261 have.
    """
    found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    if found is None or not _EPOCH.year <= found.year <= _LAST_YEAR:
        raise ValueError(f"{text!r} is no day")
    return found


def begins_ns(of: date) -> int:
    """Gives when a day begins, UTC nanoseconds."""
    return (of - _EPOCH).days * DAY_NS


def beside(time_ns: int, zone: ZoneInfo, language: Language) -> str:
    """Gives the same time by the clocks of a zone ("30 Nov 2026 08:18:28.679 Asia/Shanghai"), for whoever reads there.

    Zones are those of the IANA database. Empty where it is no date. UTC says what is meant; this only stands beside it.
    """
    try:
        at = datetime.fromtimestamp(time_ns // _SECOND, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return ""
    days = (at.date() - _EPOCH).days
    return f"{day(days, language)} {at:%H:%M:%S}.{time_ns % _SECOND // 1_000_000:03} {zone.key}"


def beside_in_rows(time_ns: int, zone: ZoneInfo) -> str:
    """Gives the same time by the clocks of a zone as rows have it ("11-30 22:15:59"), whose head names the zone."""
    try:
        return f"{datetime.fromtimestamp(time_ns // _SECOND, UTC).astimezone(zone):%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return ""


def zone_named(name: str) -> ZoneInfo | None:
    """Gives a zone of the IANA database by its name; None for what is none."""
    try:
        return ZoneInfo(name) if 0 < len(name) <= LONGEST_ZONE else None
    except (LookupError, ValueError, OSError):
        return None


def clock(time_ns: int) -> str:
    """Gives the time of day in UTC to the millisecond; never later than it was."""
    seconds, rest = divmod(time_ns, _SECOND)
    at = datetime.fromtimestamp(seconds % 86_400, UTC)
    return f"{at:%H:%M:%S}.{rest // 1_000_000:03}"


def iso(time_ns: int) -> str:
    """Gives a time for machines, to the nanosecond (RFC 3339)."""
    seconds, rest = divmod(time_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


@lru_cache(maxsize=4_096)
def day(days: int, language: Language) -> str:
    """Gives a day, counted from 1970-01-01; the bare number where it is no date."""
    try:
        from babel.dates import format_date  # late: where days are told

        return format_date(_EPOCH + timedelta(days), _PATTERNS[language], locale=language.locale)
    except OverflowError:
        return str(days)
