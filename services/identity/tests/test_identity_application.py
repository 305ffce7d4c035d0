"""What stands between the wire and the domain: hostile assertions, personal data, token keys, first principals."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from ringfence_identity.aliases.application.ibans import compact_iban
from ringfence_identity.aliases.domain.errors import IbanInvalid
from ringfence_identity.data_keys.adapters.subject_keys import VaultSubjectKeys
from ringfence_identity.parties.application.personal import PersonalData
from ringfence_identity.parties.domain.kyc import PartyKind
from ringfence_identity.principals.adapters import read_first_principals
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.principals.domain.state import AssertionKey, Principal, State, Status
from ringfence_identity.principals.queries import PrincipalQueries
from ringfence_identity.tokens.adapters.token_keys import TokenKeys
from ringfence_identity.tokens.application import assertions
from ringfence_identity.tokens.domain.errors import AssertionExpired, AssertionInvalid
from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import show
from ringfence_kernel.values.settings import InvalidSetting
from ringfence_kernel.vault import Signature

NOW_NS = 1_800_000_000 * 10**9
PRINCIPAL = b"some principal.."
SIGNER = Ed25519PrivateKey.generate()
PUBLIC = SIGNER.public_key().public_bytes_raw()
KEY, PARTY = b"k" * 32, b"some party......"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def principals() -> PrincipalQueries:
    """Answers about one regulator."""
    made = State()
    made.principals[PRINCIPAL] = Principal(
        PRINCIPAL, Kind.REGULATOR, "a name", None, PUBLIC, (AssertionKey(PUBLIC),), Status.ACTIVE, b"", PRINCIPAL, 0
    )
    return PrincipalQueries(made)


def good_claims() -> dict[str, Any]:
    """Returns the claims of an assertion that passes."""
    text = show(PRINCIPAL)
    return {"iss": text, "sub": text, "aud": "ringfence-identity", "exp": NOW_NS // 10**9 + 60, "jti": "one"}


def personal(**changes: str) -> PersonalData:
    """Returns personal data, with changes."""
    made = {
        "name": "Anna Svobodová",
        "identity_number": "855412/1234",
        "date_of_birth": "1985-04-12",
        "address": "Dlouhá 5",
        "country": "CZ",
    }
    return PersonalData(**{**made, **changes})


def test_good_assertion_passes() -> None:
    """The signed claims are accepted, so that the refusals below mean something."""
    text = jwt.encode(good_claims(), SIGNER, algorithm="EdDSA")
    assert assertions.verify(principals(), text, NOW_NS).principal == PRINCIPAL


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,60}(\.[A-Za-z0-9_-]{0,60}){0,3}", fullmatch=True))
def test_nonsense_is_no_assertion(text: str) -> None:
    """Whatever a stranger sends, the answer is the same refusal."""
    with pytest.raises(AssertionInvalid):
        assertions.verify(principals(), text, NOW_NS)


@given(st.sampled_from(["iss", "sub", "aud", "exp", "jti", "nbf", "iat"]), JSON)
def test_signed_nonsense_is_refused_or_harmless(claim: str, value: Any) -> None:
    """A registered principal that signs claims of any type gets a named refusal, or an assertion of its own."""
    try:
        text = jwt.encode({**good_claims(), claim: value}, SIGNER, algorithm="EdDSA")
    except (TypeError, ValueError):
        return
    try:
        assert assertions.verify(principals(), text, NOW_NS).principal == PRINCIPAL
    except (AssertionInvalid, AssertionExpired):
        pass


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    """Neither an unsigned assertion nor one keyed with the public key passes (RFC 8725 section 3.1)."""
    text = jwt.encode(good_claims(), None if algorithm == "none" else PUBLIC, algorithm=algorithm)
    with pytest.raises(AssertionInvalid):
        assertions.verify(principals(), text, NOW_NS)


@pytest.mark.parametrize("jti", ["\ud800", "a\udfffb"])
def test_an_assertion_whose_id_is_no_unicode_text_is_refused(jti: str) -> None:
    """JSON can spell a lone surrogate, which no hash can be made of: the assertion is invalid, not an error here."""
    text = jwt.encode({**good_claims(), "jti": jti}, SIGNER, algorithm="EdDSA")
    with pytest.raises(AssertionInvalid):
        assertions.verify(principals(), text, NOW_NS)


def test_an_assertion_with_a_critical_extension_is_refused() -> None:
    """A header that must be understood and is not makes the assertion invalid (RFC 7515 section 4.1.11)."""
    headers = {"crit": ["exp"], "exp": 1}
    text = jwt.encode(good_claims(), SIGNER, algorithm="EdDSA", headers=headers)
    with pytest.raises(AssertionInvalid):
        assertions.verify(principals(), text, NOW_NS)


@given(st.text(min_size=1, max_size=140).filter(str.strip), st.text(max_size=280), st.integers(1, 2**40))
def test_personal_data_opens_where_it_was_sealed(name: str, address: str, version: int) -> None:
    """Sealed fields open to the same data, at their own version and under their own key alone."""
    data = personal(name=name, address=address)
    sealed = data.sealed(KEY, PARTY, version)
    assert PersonalData.opened(KEY, PARTY, version, sealed) == data
    for key, party, at in ((b"l" * 32, PARTY, version), (KEY, b"another party...", version), (KEY, PARTY, version + 1)):
        with pytest.raises(EnvelopeBroken):
            PersonalData.opened(key, party, at, sealed)


def test_personal_data_shows_itself_nowhere() -> None:
    """The representation holds no field, so that no log and no traceback can."""
    assert "Anna" not in repr(personal()) + str(personal())


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"name": "x" * 141},
        {"identity_number": "-/ "},
        {"identity_number": "1" * 65},
        {"date_of_birth": "12.4.1985"},
        {"date_of_birth": "1985-02-30"},
        {"address": "x" * 281},
        {"country": "cz"},
        {"country": "CZE"},
    ],
)
def test_malformed_personal_data_is_named_without_its_value(changes: dict[str, str]) -> None:
    """A refusal names the field and never shows what stood in it."""
    with pytest.raises(InvalidArgument) as refusal:
        personal(**changes)
    ((field, value),) = changes.items()
    assert refusal.value.metadata == {"field": field}
    assert value.strip() == "" or value not in str(refusal.value)


def test_number_index_ignores_writing_and_separates_tenants() -> None:
    """The same number written otherwise has the same index; another tenant, country or number has another."""
    index = personal().number_index(KEY, b"tenant", PartyKind.PERSON)
    assert personal(identity_number="8554121234").number_index(KEY, b"tenant", PartyKind.PERSON) == index
    assert personal().number_index(KEY, b"other", PartyKind.PERSON) != index
    assert personal(country="SK").number_index(KEY, b"tenant", PartyKind.PERSON) != index
    assert personal(identity_number="8554121235").number_index(KEY, b"tenant", PartyKind.PERSON) != index


@pytest.mark.parametrize("code", ["XX", "QQ", "ZZ", "EU", "gb", "GBR", "", "U K", "\uff27\uff22"])
def test_a_country_is_one_of_iso_3166(code: str) -> None:
    """A code that no country has would make one person's number another's."""
    with pytest.raises(InvalidArgument) as refusal:
        PersonalData.given("Twin", "P1", "", "", code)
    assert refusal.value.metadata == {"field": "country"}


def test_gb_and_uk_are_one_country() -> None:
    """The same number under both is one person's, and reads as GB."""
    british, united = (PersonalData.given("Twin", "P1", "", "", code) for code in ("GB", "UK"))
    assert united == british
    assert united.number_index(KEY, b"t", PartyKind.PERSON) == british.number_index(KEY, b"t", PartyKind.PERSON)


@pytest.mark.parametrize("name", ["\u3164", "Ann\u202ea", "Ann\x00", "Ann\na", "\u200c"])
def test_a_party_has_a_name_that_can_be_seen(name: str) -> None:
    """Controls, turns of direction and nothing at all are no name."""
    with pytest.raises(InvalidArgument) as refusal:
        PersonalData.given(name, "P1", "", "", "GB")
    assert refusal.value.metadata == {"field": "name"}


@given(st.integers(2, 23), st.integers(1, 9))
def test_every_single_wrong_digit_of_an_iban_is_found(place: int, step: int) -> None:
    """The check digits (ISO 7064, MOD 97-10) betray any changed digit."""
    iban = "CZ6508000000192000145399"
    assert compact_iban(" ".join(iban[i : i + 4] for i in range(0, 24, 4))) == iban
    wrong = iban[:place] + str((int(iban[place]) + step) % 10) + iban[place + 1 :]
    with pytest.raises(IbanInvalid):
        compact_iban(wrong)


@pytest.mark.parametrize("iban", ["CZ0008000000192000140070", "CZ0108000000192000140052", "CZ9908000000192000140034"])
def test_check_digits_that_are_never_given_make_no_iban(iban: str) -> None:
    """Check digits 00, 01 and 99 leave the right remainder, and no bank gives them."""
    assert int(iban[4:] + "1235" + iban[2:4]) % 97 == 1
    with pytest.raises(IbanInvalid):
        compact_iban(iban)


class RotatingTransit:
    """A transit engine whose token key is rotated between being read and signing."""

    def __init__(self) -> None:
        self.keys = {1: Ed25519PrivateKey.generate()}

    async def public_keys(self, key: str) -> dict[int, bytes]:
        """Returns the versions there are."""
        return {version: each.public_key().public_bytes_raw() for version, each in self.keys.items()}

    async def sign(self, key: str, data: bytes) -> Signature:
        """Rotates before the first signature."""
        self.keys.setdefault(2, Ed25519PrivateKey.generate())
        return Signature(self.keys[2].sign(data), 2)


async def test_token_names_the_key_that_signed_it() -> None:
    """A rotation at the worst moment gives a token that still verifies under the key it names."""
    transit = RotatingTransit()
    keys = TokenKeys(transit)  # type: ignore[arg-type]
    token = await keys.sign({"sub": "someone"})
    header = jwt.get_unverified_header(token)
    assert header["kid"] == "identity-token.v2"
    public = await keys.local.key(header["kid"])
    assert public is not None
    assert jwt.decode(token, public, algorithms=["EdDSA"]) == {"sub": "someone"}
    assert len(json.loads(await keys.jwks())["keys"]) == 2


class SlowTable:
    """A key table that waits for the test before it answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loads = 0
        self.asked, self.answered = asyncio.Event(), asyncio.Event()
        self._loop = loop

    def load(self, subjects: Sequence[bytes]) -> dict[bytes, str | None]:
        """Answers one wrapped key after the erasure below has happened."""
        self.loads += 1
        self._loop.call_soon_threadsafe(self.asked.set)
        asyncio.run_coroutine_threadsafe(self.answered.wait(), self._loop).result(5)
        return dict.fromkeys(subjects, "wrapped")


class OpenTransit:
    """A transit engine that unwraps everything to the same key."""

    async def decrypt(self, key: str, wrapped: Sequence[str], subjects: Sequence[bytes]) -> list[bytes]:
        """Returns one key per text."""
        return [KEY for _ in wrapped]


async def test_key_destroyed_while_it_was_fetched_does_not_stay_in_memory() -> None:
    """A fetch that began before an erasure leaves nothing behind for later ones."""
    table = SlowTable(asyncio.get_running_loop())
    keys = VaultSubjectKeys(table, OpenTransit())  # type: ignore[arg-type]
    fetching = asyncio.create_task(keys.fetch([PARTY], create=False))
    await table.asked.wait()
    keys.forget([PARTY])
    table.answered.set()
    await fetching
    await keys.fetch([PARTY], create=False)
    assert table.loads == 2
    await keys.fetch([PARTY], create=False)
    assert table.loads == 2


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        "{}",
        '[{"id": "no uuid"}]',
        '["text"]',
        json.dumps([{"id": show(PRINCIPAL), "kind": "KING", "name": "x", "roles": [], "public_key_b64url": "AA"}]),
        json.dumps([{"id": show(PRINCIPAL), "kind": "OPERATOR", "name": "x", "roles": [], "public_key_b64url": "AA"}]),
    ],
)
def test_unfit_bootstrap_file_stops_the_start(tmp_path: Path, content: str) -> None:
    """A file that is not a list of principals is refused before anything is recorded."""
    file = tmp_path / "first.json"
    file.write_text(content)
    with pytest.raises(InvalidSetting, match="RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE"):
        read_first_principals(file)
