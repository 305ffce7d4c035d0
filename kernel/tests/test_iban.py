"""IBANs, judged beside the library that knows them."""

from hypothesis import example, given
from hypothesis import strategies as st
from ringfence_kernel.values import iban
from stdnum import iban as oracle

EXAMPLES = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "MT84MALT011000012345MTLCAST001S",
    "NO9386011117947",
]


def _is_valid_there(text: str) -> bool:
    # The library counts letters among the check digits too, and takes those that are never given.
    given = text[2:4].isdigit() and text[2:4] not in ("00", "01", "99")
    return given and bool(oracle.is_valid(text, check_country=False)) and text == oracle.compact(text)


@example("DE89370400440532013000", [(2, "A"), (5, "0")])
@given(st.sampled_from(EXAMPLES), st.lists(st.tuples(st.integers(0, 14), st.sampled_from("0189AGZ")), max_size=3))
def test_the_verdict_is_that_of_the_library(right: str, changes: list[tuple[int, str]]) -> None:
    """For right and damaged IBANs alike, structure and check digits are judged as python-stdnum does."""
    letters = list(right)
    for position, letter in changes:
        letters[position] = letter
    text = "".join(letters)
    assert iban.is_valid(text) == _is_valid_there(text)


@given(
    st.sampled_from("AD AE AT BE BR CH CY DE DK ES FI FR GB IE IT LU MT NL NO PL PT RU SE SM TR XK US CN".split()),
    st.data(),
)
def test_every_country_has_its_own_structure(country: str, data: st.DataObject) -> None:
    """The length and the kinds of characters are the country's; a country without IBANs has none."""
    body = data.draw(st.text("0123456789A", min_size=11, max_size=28))
    text = oracle.calc_check_digits(f"{country}00{body}").join([country, body])
    assert iban.is_valid(text) == _is_valid_there(text)


def test_anything_else_is_no_iban() -> None:
    """Empty, lower-case, spaced and non-ASCII texts are not compact IBANs."""
    for text in ("", "DE", "de89370400440532013000", "DE89 3704 0044 0532 0130 00", "DE8937040044053201300٠"):
        assert not iban.is_valid(text)
    assert iban.is_valid(iban.compact("de89 3704 0044 0532 0130 00"))


def test_check_digits_that_are_never_given_are_refused() -> None:
    """They are 98 less a remainder of 97: what is congruent to them passes the sum, and is a forgery or a slip."""
    for right, never in (("97", "00"), ("98", "01"), ("02", "99")):
        account = next(
            f"{number:018d}" for number in range(200) if oracle.calc_check_digits(f"DE00{number:018d}") == right
        )
        assert iban.is_valid(f"DE{right}{account}")
        assert oracle.is_valid(f"DE{never}{account}", check_country=False)
        assert not iban.is_valid(f"DE{never}{account}")
