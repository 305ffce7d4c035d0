"""Times and days: UTC, never rounded up, and whatever a log may say."""

from datetime import date

import pytest
from ringfence_desk import times
from ringfence_desk.language import Language

AT = 1_700_000_000_999_999_999


def test_times_say_that_they_are_utc() -> None:
    """To the millisecond for people, never later than it was; to the nanosecond for machines."""
    assert times.moment(AT, Language.ENGLISH) == "14 Nov 2023 22:13:20.999 UTC"
    assert times.moment(AT, Language.CHINESE) == "2023年11月14日 22:13:20.999 UTC"
    assert times.iso(AT) == "2023-11-14T22:13:20.999999999Z"


@pytest.mark.parametrize("language", Language)
def test_times_at_the_ends_of_what_a_fact_may_hold(language: Language) -> None:
    """What a log says is shown, whatever it says."""
    assert "2262" in times.moment(2**63 - 1, language)
    assert "1677" in times.moment(-(2**63), language)
    assert times.day(2**63 - 1, language) == str(2**63 - 1)
    assert times.iso(-(2**63)).startswith("1677-09-21T")


@pytest.mark.parametrize(
    ("tag", "language"), [("zh-CN", "zh-Hans"), ("zh_Hans", "zh-Hans"), ("en-GB", "en"), ("", "en")]
)
def test_languages_by_tags(tag: str, language: str) -> None:
    """Whatever a browser or a person calls a language."""
    assert Language.of(tag) == language


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Asia/Shanghai", "1 Dec 2026 06:00:00.999 Asia/Shanghai"),
        ("America/New_York", "30 Nov 2026 17:00:00.999 America/New_York"),
        ("Asia/Kathmandu", "1 Dec 2026 03:45:00.999 Asia/Kathmandu"),
    ],
)
def test_a_time_by_the_clocks_of_a_zone(zone: str, local: str) -> None:
    """Of another day where it is one there, and never later than it was."""
    at, found = 1_796_076_000_999_999_999, times.zone_named(zone)
    assert found
    assert times.beside(at, found, Language.ENGLISH) == local
    assert times.beside(at, found, Language.CHINESE) == local.replace("1 Dec 2026", "2026年12月1日").replace(
        "30 Nov 2026", "2026年11月30日"
    )
    assert times.beside((1 << 63) - 1, found, Language.ENGLISH)
    assert times.beside(1 << 80, found, Language.ENGLISH) == ""


@pytest.mark.parametrize("name", ["", "Asia", "Asia/Nowhere", "../../etc/passwd", "/etc/localtime", "\0", "x" * 1_000])
def test_what_is_no_zone_is_none(name: str) -> None:
    """Whatever a cookie holds."""
    assert times.zone_named(name) is None


def test_a_day_is_typed_in_one_way() -> None:
    """Whose beginning and end have nanoseconds of 63 bits; nothing else that ISO 8601 calls a day."""
    assert times.begins_ns(times.day_typed("1970-01-02")) == times.DAY_NS
    assert times.day_typed("2261-12-31") == date(2261, 12, 31)
    assert times.begins_ns(date(2261, 12, 31)) + times.DAY_NS < 2**63
    for other in (
        "",
        "20260131",
        "2026-W05-6",
        "2026-02-30",
        "\uff12026-01-31",
        "1969-12-31",
        "2262-01-01",
        "9999-12-31",
    ):
        with pytest.raises(ValueError, match="day"):
            times.day_typed(other)
