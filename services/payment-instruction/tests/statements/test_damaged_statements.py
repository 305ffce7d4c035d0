"""Files of banks that were cut, flipped or swollen: a refusal with a reason, never anything else."""

import random
from pathlib import Path

import pytest
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.files import read_statement_file
from ringfence_payment_instruction.statements.domain.checking import fault_of

DAMAGES_PER_FILE = 40
PIECES = (b"", b"<", b">", b"&", b"&#0;", b"\x00", b"\xff\xfe", b"-", b"9" * 30, b":61:", b"\r", b"\n:20:", b"//", b",")


def _files(data: Path) -> list[Path]:
    return sorted([*data.glob("iso20022/**/*camt*.xml"), *data.glob("statements/mt940/**/*.sta")])


def _damaged(content: bytes, chance: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(found) + 1)
        match chance.choice(("flip", "cut", "end", "put", "twice", "swap")):
            case "flip" if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            case "cut":
                del found[at : at + chance.randint(1, 60)]
            case "end":
                del found[max(at, len(found) // 2) :]
            case "put":
                found[at:at] = chance.choice(PIECES)
            case "twice":
                found[at:at] = found[at : at + chance.randint(1, 400)]
            case _:
                found[at : at + 8] = found[at : at + 8][::-1]
    return bytes(found)


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_refused_or_read(data: Path, seed: int) -> None:
    """Whatever was done to a real file, a reader returns statements that can be judged, or raises FileRefused."""
    chance, refused, read = random.Random(seed), 0, 0
    for path in _files(data):
        content = path.read_bytes()
        for _ in range(DAMAGES_PER_FILE // 4):
            try:
                file = read_statement_file(_damaged(content, chance))
            except FileRefused as refusal:
                refused += bool(refusal.reason and refusal.sha256)
                continue
            read += 1
            for statement in file.statements:
                fault_of(statement)
    assert refused > 100
    assert read > 100


@pytest.mark.parametrize("content", [b"", b" ", b"\x00" * 50, b"<", b"-}", b":20:", b"{1:F01}{4:\n", b"\xff\xfe<"])
def test_hardly_anything_is_refused(content: bytes) -> None:
    """The shortest of files are no statements."""
    with pytest.raises(FileRefused):
        read_statement_file(content)


@pytest.mark.parametrize("length", [1_000_000])
def test_a_line_may_be_long_and_is_read_soon(length: int) -> None:
    """No pattern takes more than time in proportion to what it reads."""
    for line in (b":61:" + b"2" * length, b":86:" + b"?20" * length, b":28C:" + b"1" * length, b":25:" + b"A" * length):
        with pytest.raises(FileRefused):
            read_statement_file(b":20:X\n:25:1\n:60F:C261126EUR1,\n:61:261126C1,NTRFX\n" + line + b"\n:62F:X\n")
