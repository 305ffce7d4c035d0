"""What facts say: parts that pages link, text that commands print, in both languages."""

from uuid import UUID, uuid4

import pytest
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import INSTRUCTION
from ringfence_desk.language import Language
from ringfence_desk.names import Names, short
from ringfence_desk.roles import Role
from ringfence_desk.sentences import Part, ledger_of, sentence, value_part

CLIENT, MIRROR, OWNER, PLATFORM = (uuid4() for _ in range(4))
NAMES = Names.of(
    [
        Fact(
            0,
            "custody.account.v1",
            {
                "account_id": CLIENT.bytes,
                "owner_id": OWNER.bytes,
                "ledger": 978,
                "account_class": "CLIENT",
                "tenant_id": PLATFORM.bytes,
            },
        ),
        Fact(
            1,
            "custody.account.v1",
            {
                "account_id": MIRROR.bytes,
                "ledger": 978,
                "account_class": "BANK_MIRROR",
                "tenant_id": PLATFORM.bytes,
            },
        ),
        Fact(2, "identity.principal_registered.v1", {"principal_id": PLATFORM.bytes}, {"name": "lantern-lending"}),
    ]
).with_parties(PLATFORM, {OWNER: "Kestrel Joinery GmbH"})


def transfer(**fields: int | bytes) -> Fact:
    """Returns a withdrawal that reserves money, with other fields where they are given."""
    stated: dict[str, int | bytes | str] = {
        "debit_account_id": CLIENT.bytes,
        "credit_account_id": MIRROR.bytes,
        "ledger": 978,
        "amount_minor": 1_850_000,
        "code": 2,
        "flags": 2,
    }
    return Fact(2, "custody.transfer.v1", {**stated, **fields})


def test_a_transfer_says_who_pays_whom() -> None:
    """A sentence names accounts by their owner or their class, keeps their ids, and has its amount beside it."""
    said = sentence(transfer(), NAMES, Language.ENGLISH)
    assert str(said) == (
        "Reserved for withdrawal: Kestrel Joinery GmbH → safeguarding account · lantern-lending · 18,500.00 EUR"
    )
    assert Part("Kestrel Joinery GmbH", Role.ACCOUNT, CLIENT) in said.parts
    assert said.amount == Part("18,500.00 EUR", Role.MONEY)


def test_the_same_in_chinese() -> None:
    """The other language has its own order of words, and the same parts."""
    said = sentence(transfer(flags=4), NAMES, Language.CHINESE)
    assert str(said) == "预留已入账（出金）：Kestrel Joinery GmbH → 存管账户 · lantern-lending · 18,500.00 EUR"


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ("Ivo Marsh", "Ivo Marsh 的 IBAN 已由 lantern-lending 确认"),
        ("王小明", "王小明的 IBAN 已由 lantern-lending 确认"),
    ],
)
def test_chinese_names_stand_without_spaces(owner: str, said: str) -> None:
    """The space between Chinese and Latin stands nowhere else; in English words it always does."""
    fact = Fact(3, "identity.alias_confirmed.v1", {"owner_id": OWNER.bytes, "by_id": PLATFORM.bytes})
    names = NAMES.with_parties(PLATFORM, {OWNER: owner})
    assert str(sentence(fact, names, Language.CHINESE)) == said
    assert str(sentence(fact, names, Language.ENGLISH)) == f"An IBAN of {owner} is confirmed by lantern-lending"


def test_what_is_absent_is_left_out() -> None:
    """A bracketed part stands only where every field in it is there, also a text that was not opened."""
    fields: dict[str, int | bytes | str] = {"effect": "custody.Unknown", "reason": "WITHDRAWN"}
    bare = sentence(Fact(3, "custody.proposal_voided.v1", fields), NAMES, Language.ENGLISH)
    assert str(bare) == "Withdrawn: custody.Unknown"
    full = Fact(3, "custody.proposal_voided.v1", {**fields, "by_id": PLATFORM.bytes}, {"note": "too early"})
    assert str(sentence(full, NAMES, Language.ENGLISH)) == (
        "Withdrawn by lantern-lending: custody.Unknown: “too early”"
    )


@pytest.mark.parametrize("language", Language)
def test_an_unknown_kind_shows_its_name(language: Language) -> None:
    """What is not in the table is told by its kind, never an error."""
    assert str(sentence(Fact(4, "custody.later_made.v1", {"amount_minor": 5}), NAMES, language)).startswith(
        "custody.later_made.v1"
    )


def test_unknown_codes_and_ids_show_as_they_are() -> None:
    """A code that the table does not have is a number, an unknown account its first and last digits."""
    other = UUID("0123456789abcdef0123456789abcdef")
    said = sentence(transfer(code=99, debit_account_id=other.bytes), NAMES, Language.ENGLISH)
    assert str(said).startswith("Reserved for 99: account 0123…cdef → ")


def test_text_of_others_cannot_turn_a_sentence_around() -> None:
    """Control and bidi characters are visible, in names and in notes."""
    names = NAMES.with_parties(PLATFORM, {OWNER: "Kest\u202erel\x1b[2J"})
    said = sentence(transfer(), names, Language.ENGLISH)
    assert "Kest〚U+202E〛rel〚U+001B〛[2J" in str(said)


def test_an_account_is_its_own_platforms() -> None:
    """Another platform that opens an account under the same id takes neither its name nor its currency."""
    other, theirs = uuid4(), uuid4()
    opened: dict[str, int | bytes | str] = {
        "account_id": MIRROR.bytes,
        "owner_id": theirs.bytes,
        "ledger": 392,
        "account_class": "CLIENT",
        "tenant_id": other.bytes,
    }
    names = NAMES.learned([Fact(9, "custody.account.v1", opened)]).with_parties(other, {theirs: "Somebody Else"})
    ours = Fact(5, "custody.balance.v1", {"tenant_id": PLATFORM.bytes, "mirror_id": MIRROR.bytes, "held_minor": 100})
    assert names.account(MIRROR, Language.ENGLISH, PLATFORM) == "safeguarding account · lantern-lending"
    assert names.account(MIRROR, Language.ENGLISH, other) == "Somebody Else"
    assert ledger_of(ours, names) == 978
    assert "safeguarding account · lantern-lending" in str(
        sentence(transfer(tenant_id=PLATFORM.bytes), names, Language.ENGLISH)
    )
    # Of whom nobody says, nobody is named.
    assert names.account(MIRROR, Language.ENGLISH).startswith("account ")


def test_an_id_is_called_by_what_it_is_of() -> None:
    """A payment, an account, a client and a person may have one id, and so may payments of two platforms."""
    same, other = OWNER, uuid4()
    names = NAMES.with_parties(other, {same: "Other client"}).learned(
        [
            Fact(3, INSTRUCTION, _of(PLATFORM, instruction_id=same), {"end_to_end_id": "INV 1"}),
            Fact(4, INSTRUCTION, _of(other, instruction_id=same), {"end_to_end_id": "INV 2"}),
            Fact(5, "custody.account.v1", _of(other, account_id=same) | {"ledger": 978, "account_class": "FEE"}),
        ]
    )

    def called(platform: UUID, name: str) -> str:
        part = value_part(Fact(9, "x.y.v1", _of(platform, **{name: same})), name, names, Language.ENGLISH)
        assert part
        return part.text

    assert [called(each, "instruction_id") for each in (PLATFORM, other)] == ["INV 1", "INV 2"]
    assert [called(each, "client_id") for each in (PLATFORM, other)] == ["Kestrel Joinery GmbH", "Other client"]
    assert called(PLATFORM, "debit_account_id").startswith("account ")
    assert called(other, "debit_account_id").startswith("fees")
    assert called(PLATFORM, "actor_id").startswith("principal ")
    assert called(PLATFORM, "x_id") == short(same)
    assert names.name(Role.PAYMENT, same) is None, "of two platforms' payments neither is meant"


def _of(platform: UUID, **ids: UUID) -> dict[str, int | bytes | str]:
    return {"tenant_id": platform.bytes, **{name: each.bytes for name, each in ids.items()}}
