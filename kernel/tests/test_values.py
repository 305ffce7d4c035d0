"""Ids, money, clocks, keys, journal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from ringfence_kernel.values import ids, money
from ringfence_kernel.values.clock import DAY_NS, ManualClock, RisingTimes
from ringfence_kernel.values.ed25519 import is_public_key
from ringfence_kernel.writing.journal import Journal

NO_AMOUNTS = (
    *("", ".", "1.005", "1.500", "92233720368547758.08", "9" * 5_000, "0" * 100 + "1", f"12.5{'0' * 28}1"),
    *("-1", "-0", "+1", "1e1", "1E1", "1e400", "1e3x", "NaN", "Infinity", "0x10", "1_0.00", "1,00", "1.2.3", "1'000"),
    *(" 1", "1 ", "1\n", "\u00a01", "1\u2003", "\uff11\uff12.50", "\u0661\u0662.50", "1\u066b5", "\u00b2", "\u216b"),
)
SCHEMA = etree.XMLSchema(
    etree.fromstring(
        """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Amt"><xs:simpleType>
        <xs:restriction base="xs:decimal"><xs:minInclusive value="0"/><xs:fractionDigits value="5"/>
        <xs:totalDigits value="18"/></xs:restriction></xs:simpleType></xs:element></xs:schema>"""
    )
)
"""ActiveOrHistoricCurrencyAndAmount_SimpleType, as the XSDs of ISO 20022 have it."""


def test_same_outside_key_gives_the_same_id() -> None:
    """An outside key maps to one id per domain and tenant, and neighbours do not run together."""
    assert ids.external_id("bank", b"t", "1") == ids.external_id("bank", b"t", "1")
    assert ids.external_id("bank", b"t", "12") != ids.external_id("bank", b"t1", "2")
    assert len(ids.external_id("", b"", "")) == 16


def test_new_ids_are_uuid_version_7_and_grow_with_time() -> None:
    """A fresh id is a UUIDv7."""
    text = ids.show(ids.new_id())
    assert text[14] == "7"
    assert text[19] in "89ab"
    assert ids.show(ids.parse(text)) == text


@given(st.integers(0, money.MAX_AMOUNT_MINOR), st.sampled_from(money.CURRENCIES))
def test_amounts_survive_the_way_to_text_and_back(amount_minor: int, currency: money.Currency) -> None:
    """Every amount of every currency is the same after writing and reading."""
    assert money.to_minor(money.from_minor(amount_minor, currency), currency) == amount_minor


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_of_euros_is_refused(text: str) -> None:
    """Decimals too many, signs, spaces, other digits, exotic numbers and more than 2^63 - 1 are refused by name."""
    with pytest.raises(money.AmountInvalid):
        money.to_minor(text, money.currency("EUR"))


@given(
    st.one_of(
        st.text("0123456789.", max_size=20),
        st.text("019.eE+-_, \t\u00a0\uff11\u0661", max_size=12),
        st.from_regex(r"[0-9]{1,14}(\.[0-9]{0,6})?", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8),
    ),
    st.sampled_from(["JPY", "EUR", "BHD", "CLF"]),
)
@example("1000000000000000", "CLF")
def test_amount_is_what_the_schema_takes_and_the_currency_has(text: str, alpha: str) -> None:
    """A text is an amount where ISO 20022's schema takes it, without sign and spaces, in the currency's decimals.

    It is below 2^63 minor units as well: the schema's eighteen digits reach beyond where there are four decimals.
    """
    currency, element = money.currency(alpha), etree.Element("Amt")
    element.text = text
    _, _, decimals = text.partition(".")
    plain = not set(text) & set("+- \t\r\n") and len(decimals) <= currency.exponent
    if SCHEMA.validate(element) and plain and (wanted := Decimal(text).scaleb(currency.exponent)) < 2**63:
        assert money.to_minor(text, currency) == wanted
    else:
        with pytest.raises(money.AmountInvalid):
            money.to_minor(text, currency)


def test_currencies_have_unique_codes_and_known_exponents() -> None:
    """The table has no double codes; yen have no decimals, dinars of Bahrain three."""
    assert len({c.numeric_code for c in money.CURRENCIES}) == len({c.alpha for c in money.CURRENCIES}) >= 150
    assert money.currency(392).exponent == 0
    assert money.currency("BHD").exponent == 3
    with pytest.raises(money.CurrencyUnknown):
        money.currency("XXX")


def test_recorded_times_never_go_back() -> None:
    """A clock set back, or a recorded time a little ahead of it, still gives later times, to decisions too."""
    clock = ManualClock(100)
    times = RisingTimes(clock, 50)
    times.advance()
    assert (times.now_ns, times.recorded_ns) == (100, 100)
    clock.advance(-50)
    times.advance()
    assert (times.now_ns, times.recorded_ns) == (101, 101)


def test_nothing_is_due_because_a_history_is_ahead() -> None:
    """Events follow a history that is far ahead of the clock, decisions follow the clock."""
    clock = ManualClock(100)
    times = RisingTimes(clock, DAY_NS)
    times.advance()
    assert (times.now_ns, times.recorded_ns) == (100, DAY_NS + 1)
    clock.advance(DAY_NS)
    times.advance()
    assert (times.now_ns, times.recorded_ns) == (DAY_NS + 100, DAY_NS + 100)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "remove", "append", "mark"]), st.integers())))
def test_rollback_restores_exactly_what_was(steps: list[tuple[str, str, int]]) -> None:
    """Whatever was done after a mark, rolling back to it restores the containers as they were then."""
    journal, mapping, items = Journal(), {"a": 1}, [1, 2, 3]
    marks = [(0, dict(mapping), list(items))]
    for key, step, value in steps:
        if step == "put":
            journal.put(mapping, key, value)
            journal.put(items, 0, value)
        elif step == "remove" and key in mapping:
            journal.remove(mapping, key)
        elif step == "append":
            journal.append(items, value)
        else:
            marks.append((journal.mark(), dict(mapping), list(items)))
    for mark, old_mapping, old_items in reversed(marks):
        journal.rollback(mark)
        assert (mapping, items) == (old_mapping, old_items)


P = 2**255 - 19
"""The field of Curve25519 (RFC 7748 section 4.1)."""
EIGHTH_ORDER = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
"""y of the points of order eight, little-endian."""


def _encodings(y: int) -> list[bytes]:
    return [(y | sign << 255).to_bytes(32, "little") for sign in (0, 1)]


def _is_on_curve(y: int) -> bool:
    """Tells whether there is a point with this y: x^2 = (y^2 - 1) / (d y^2 + 1) (RFC 8032 section 5.1.3)."""
    d = -121665 * pow(121666, -1, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    return pow(square, (P - 1) // 2, P) in (0, 1)


def test_keys_that_sign_are_keys() -> None:
    """Every key that was made to sign passes; of any other length none does."""
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key().public_bytes_raw() for n in range(50)]
    assert all(map(is_public_key, keys))
    assert not any(is_public_key(key[:length]) for key in keys for length in (0, 31))
    assert not is_public_key(keys[0] + b"x")


def test_keys_under_which_anybody_signs_are_none() -> None:
    """Points of small order, also in a second encoding, and what is no point of the curve."""
    small = [0, 1, P - 1, *(int.from_bytes(bytes.fromhex(each), "little") for each in EIGHTH_ORDER)]
    for y in (*small, P, P + 1):
        assert not any(map(is_public_key, _encodings(y)))
    off = [y for y in range(2, 200) if not _is_on_curve(y)]
    assert len(off) > 50
    assert not any(is_public_key(key) for y in off for key in _encodings(y))
    # Of points with a small y, seven of eight lie outside the subgroup that keys are of.
    on = [key for y in range(2, 200) if _is_on_curve(y) for key in _encodings(y)]
    assert 0 < sum(map(is_public_key, on)) < len(on) // 4
