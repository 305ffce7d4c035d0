"""Trust policies of C2SP tlog-policy: what they say, what they refuse, and what they make of a checkpoint."""

from __future__ import annotations

from hashlib import sha256

import pytest
from ringfence_verifier import VerificationError, verify_checkpoint
from ringfence_verifier.cosignature import ED25519, CosignerKey
from ringfence_verifier.policy import Policy
from ringfence_verifier.witness.keys import CosigningKey

from .notes import ORIGIN, Signer, base64, tree_hash

KEYS = [CosigningKey.of(f"witness.example/{number}", ED25519, bytes([number]) * 32) for number in range(6)]
LOG = f"log {Signer().vkey}"


def witnesses(count: int = 5) -> str:
    """Names that many, w0 and so on."""
    return "".join(f"witness w{number} {KEYS[number].public.text()}\n" for number in range(count))


def policy(rest: str) -> Policy:
    """Reads a policy of one log, five witnesses and the rest."""
    return Policy.parse(f"{LOG}\n{witnesses()}{rest}".encode())


def note(*cosigned: int, size: int = 2) -> str:
    """A checkpoint, cosigned by some."""
    signed = Signer().note(ORIGIN, str(size), base64(tree_hash([b"a", b"b"][:size])))
    text = signed.partition("\n\n")[0] + "\n"
    checkpoint = verify_checkpoint(signed, Signer().vkey)
    return signed + "".join(KEYS[number].line(text, checkpoint, 1_700_000_000 + number) for number in cosigned)


NESTED = "group x 2 w0 w1 w2\ngroup y any w3 w4\ngroup both all x y\nquorum both\n"


@pytest.mark.parametrize(
    ("rest", "cosigned", "met"),
    [
        ("quorum none\n", (), True),
        ("quorum w1\n", (1,), True),
        ("quorum w1\n", (0, 2, 3), False),
        (NESTED, (0, 2, 4), True),
        (NESTED, (0, 1, 2), False),
        (NESTED, (0, 3, 4), False),
        ("group all all w0 w1\nquorum all\n", (0,), False),
        ("group all all w0 w1\nquorum all\n", (0, 1, 5), True),
    ],
)
def test_a_checkpoint_needs_its_quorum(rest: str, cosigned: tuple[int, ...], met: bool) -> None:
    """Groups count members that have seen it; whom the policy does not name counts for nothing."""
    if met:
        checkpoint, seen = policy(rest).verify(note(*cosigned))
        assert checkpoint.size == 2
        assert seen == {b"w%d" % number: 1_700_000_000 + number for number in cosigned if number < 5}
    else:
        with pytest.raises(VerificationError, match="quorum"):
            policy(rest).verify(note(*cosigned))


def test_a_wrong_cosignature_is_no_missing_one() -> None:
    """One that bears a witness's name and key id and does not verify makes the note wrong, quorum or not."""
    forged = note(0, 1).replace(note(1)[len(note()) :], note(1, size=1)[len(note(size=1)) :])
    with pytest.raises(VerificationError, match=r"cosignature by witness\.example/1 is wrong"):
        policy("quorum w0\n").verify(forged)


def test_a_checkpoint_of_no_log_of_the_policy_is_refused() -> None:
    """Whoever has cosigned it."""
    with pytest.raises(VerificationError, match="not signed by"):
        Policy.parse(f"log {Signer(seed=bytes([9]) * 32).vkey}\nquorum none\n".encode()).verify(note())
    with pytest.raises(VerificationError, match="names no log"):
        Policy.parse(b"quorum none\n").verify(note())


def test_comments_blanks_addresses_and_octets_are_read() -> None:
    """Lines may be indented, blank or comments; names are octets; the hash is of the file as it is."""
    text = (
        f"# who\n \t\n\tlog {Signer().vkey}  https://log.example/\n witness \u00e9 {KEYS[0].public.text()} https://w/\n"
    )
    content = text.encode() + b"group \xff 1 \xc3\xa9\nquorum \xff\n"
    read = Policy.parse(content)
    assert read.witnesses["\u00e9".encode()].url == "https://w/"
    assert read.is_met({"\u00e9".encode()})
    assert read.sha256 == sha256(content).digest()


MALFORMED = (
    "",
    "quorum none",
    "quorum none\nquorum none\n",
    "quorum w9\n",
    "quorum x\ngroup x any w0\n",
    "quorum\n",
    "group x any\nquorum none\n",
    "group x 0 w0\nquorum none\n",
    "group x 3 w0 w1\nquorum none\n",
    "group x 01 w0 w1\nquorum none\n",
    "group x some w0\nquorum none\n",
    "group x any w0 w0\nquorum none\n",
    "group x any w0\ngroup y any w0\nquorum none\n",
    "group w0 any w1\nquorum none\n",
    "group none any w1\nquorum none\n",
    "group x any none\nquorum none\n",
    "group x any y\ngroup y any w0\nquorum none\n",
    f"witness w9 {KEYS[0].public.text()}\nquorum none\n",
    f"witness w9 {Signer().vkey}\nquorum none\n",
    f"witness w0 {KEYS[5].public.text()}\nquorum none\n",
    "witness w9\nquorum none\n",
    f"{LOG}\nquorum none\n",
    "log\nquorum none\n",
    f"log {KEYS[5].public.text()}\nquorum none\n",
    "trust w0\nquorum none\n",
    "quorum none\r\n",
    "quorum\u000bnone\n",
    "quorum none\x00\n",
)


@pytest.mark.parametrize("rest", MALFORMED)
def test_what_is_no_policy_is_refused(rest: str) -> None:
    """Whatever breaks a rule of the format, by name."""
    with pytest.raises(VerificationError, match="policy"):
        policy(rest)


def test_a_name_has_its_key() -> None:
    """The key's own name is another thing than the policy's."""
    assert policy("quorum none\n").witnesses[b"w3"].key == CosignerKey.parse(KEYS[3].public.text())
