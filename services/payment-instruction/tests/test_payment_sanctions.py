"""Sanctions lists: reading, importing, and hitting exactly whom they name."""

import csv
from pathlib import Path

import pytest
from ringfence_payment_instruction.screening.adapters.list_files import ListFormat, SanctionsFiles
from ringfence_payment_instruction.screening.application.importing import ReadList
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged, SanctionsListOutdated
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening, fingerprints_of

from .world import CSV, LISTED, OPERATOR, World

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "sanctions"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
OFAC_ROW = '36,"EXAMPLE TRADING CO.",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
UN = (
    "<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><FIRST_NAME>ERIC</FIRST_NAME><SECOND_NAME>SAMPLE</SECOND_NAME>"
    "<REFERENCE_NUMBER>CDi.999</REFERENCE_NUMBER><NAME_ORIGINAL_SCRIPT>Эрик</NAME_ORIGINAL_SCRIPT><INDIVIDUAL_ALIAS>"
    "<QUALITY>Good</QUALITY><ALIAS_NAME>The Sampler</ALIAS_NAME></INDIVIDUAL_ALIAS></INDIVIDUAL></INDIVIDUALS>"
    "<ENTITIES><ENTITY><FIRST_NAME>SAMPLE FRONT</FIRST_NAME><REFERENCE_NUMBER>CDe.9</REFERENCE_NUMBER></ENTITY>"
    "</ENTITIES></CONSOLIDATED_LIST>"
)


def read(list_format: ListFormat, content: bytes) -> ReadList:
    """Reads a file."""
    return SanctionsFiles().read(list_format, content)


def screening(names: ReadList) -> Screening:
    """Returns the screening that a list gives."""
    return Screening({"L": SanctionsList(b"", 0, fingerprints_of(names.names))}, 0)


def test_every_name_of_every_format_is_read() -> None:
    """With the publisher's own number; aliases and original script included."""
    un = read(ListFormat.UN_XML, UN.encode())
    assert {(each.name, each.reference) for each in un.names} == {
        ("ERIC SAMPLE", "CDi.999"), ("Эрик", "CDi.999"), ("The Sampler", "CDi.999"), ("SAMPLE FRONT", "CDe.9"),
    }  # fmt: skip
    ofac = read(ListFormat.OFAC_SDN, OFAC_ROW.encode())
    assert [tuple(each) if isinstance(each, tuple) else (each.name, each.reference) for each in ofac.names] == [
        ("EXAMPLE TRADING CO.", "36")
    ]
    plain = read(ListFormat.CSV, b'\xef\xbb\xbfname,kind,reference\r\n"Actor, Bad",person,1\r\n')
    assert [(each.name, each.reference) for each in plain.names] == [("Actor, Bad", "1")]


@pytest.mark.parametrize(
    ("list_format", "content"),
    [
        (ListFormat.CSV, b"name,reference\nA,1\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person\nB,person,2\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person,1\nB,person\n"),
        (ListFormat.CSV, b"name,kind,reference\n,person,1\n"),
        (ListFormat.CSV, "name,kind,reference\nÄ,person,1\n".encode("latin-1")),
        (ListFormat.CSV, b'name,kind,reference\n"A,person,1\n'),
        (ListFormat.CSV, b""),
        (ListFormat.OFAC_SDN, ("||||\n" + OFAC_ROW).encode()),
        (ListFormat.OFAC_SDN, (OFAC_ROW + OFAC_ROW[:20]).encode()),
        (ListFormat.OFAC_SDN, OFAC_ROW.replace("36", "x").encode()),
        (ListFormat.UN_XML, UN[:-10].encode()),
        (ListFormat.UN_XML, f"<!DOCTYPE x [<!ENTITY e 'x'>]>{UN}".encode()),
        (ListFormat.UN_XML, UN.replace("<REFERENCE_NUMBER>CDe.9</REFERENCE_NUMBER>", "").encode()),
        (ListFormat.UN_XML, b"<OTHER/>"),
    ],
)
def test_a_damaged_file_is_refused_whole(list_format: ListFormat, content: bytes) -> None:
    """A line that cannot be read might be a name."""
    with pytest.raises(SanctionsListDamaged):
        read(list_format, content)


@pytest.mark.parametrize("noise", ["||||\r\n", "\x1a", "\r\n\r\n", ",,,\r\n"])
def test_noise_after_the_last_entry_is_reported_only(noise: str) -> None:
    """Separators and an end-of-file mark are no names."""
    found = read(ListFormat.OFAC_SDN, (OFAC_ROW + noise).encode())
    assert len(found.names) == 1
    assert found.bad_lines == ([] if noise.isspace() else ["line 2"])


async def test_a_list_replaces_the_one_of_its_name(world: World) -> None:
    """A name that was taken off the list passes; the same file again changes nothing; an older edition is refused."""
    lists, now_ns = world.application.screening.importing, world.clock.now_ns()
    assert await lists.import_list(OPERATOR, "UN", CSV, b"name,kind,reference\nNew Actor,person,2\n", now_ns) == (1, [])
    assert world.application.screening.lists.current().hit(["Bad Actor"]) == ""
    assert world.application.screening.lists.current().hit(["actor new"]) == "UN/2"
    head = world.writer.head.position
    await lists.import_list(OPERATOR, "UN", CSV, b"name,kind,reference\nNew Actor,person,2\n", now_ns)
    assert world.writer.head.position == head
    with pytest.raises(SanctionsListOutdated):
        await lists.import_list(OPERATOR, "UN", CSV, LISTED, now_ns - 1)
    with pytest.raises(SanctionsListOutdated):
        await lists.import_list(OPERATOR, "UN", CSV, LISTED, now_ns + 10**18)
    with pytest.raises(SanctionsListDamaged):
        await lists.import_list(OPERATOR, "UN", CSV, b"name,kind,reference\n...,person,2\n", now_ns)


async def test_a_list_that_was_cut_off_replaces_nothing(world: World) -> None:
    """Most of its names gone, a list is not believed; half of them may go."""
    lists = world.application.screening.importing
    rows = [f"Person Number{number},person,{number}\n".encode() for number in range(10)]
    for kept in (10, 5):
        content = b"name,kind,reference\n" + b"".join(rows[:kept])
        assert await lists.import_list(OPERATOR, "EU", CSV, content, world.clock.now_ns()) == (kept, [])
    with pytest.raises(SanctionsListDamaged):
        await lists.import_list(
            OPERATOR, "EU", CSV, b"name,kind,reference\n" + b"".join(rows[:2]), world.clock.now_ns()
        )
    assert world.application.screening.lists.current().hit(["number4 person"]) == "EU/4"


@needs_data
@pytest.mark.parametrize(
    ("file", "list_format", "names", "bad"),
    [
        ("ofac-2019/sdn.csv", ListFormat.OFAC_SDN, 7_379, 0),
        ("ofac-cons/cons_prim.csv", ListFormat.OFAC_SDN, 442, 1),
        ("broken/sdn.csv", ListFormat.OFAC_SDN, 419, 1),
        ("un/UN_consolidated.xml", ListFormat.UN_XML, 1_003, 0),
    ],
)
def test_real_lists_are_read_whole(file: str, list_format: ListFormat, names: int, bad: int) -> None:
    """Every entry has a name, and what is left out is only noise."""
    found = read(list_format, (DATA / file).read_bytes())
    assert len({each.reference for each in found.names}) >= names
    assert len(found.bad_lines) == bad


@needs_data
@pytest.mark.parametrize("file", ["broken/alt.csv", "broken/csl.csv", "broken/add.csv", "bis/dpl.txt"])
@pytest.mark.parametrize("list_format", list(ListFormat))
def test_other_files_are_refused(file: str, list_format: ListFormat) -> None:
    """A file of another shape is no list, in whatever format it is said to be."""
    with pytest.raises(SanctionsListDamaged):
        read(list_format, (DATA / file).read_bytes())


@needs_data
def test_listed_people_hit_and_innocent_ones_do_not() -> None:
    """Every name on the UN list hits as it stands there; of 20,000 invented customers none does."""
    un = screening(read(ListFormat.UN_XML, (DATA / "un/UN_consolidated.xml").read_bytes()))
    with (DATA / "screening/positives_un_a.csv").open(encoding="utf-8") as file:
        listed = [row["untreated_full_name"] for row in csv.DictReader(file)]
    hits = sum(bool(un.hit([name])) for name in listed)
    innocent = []
    for name in ("negatives_us_a.csv", "negatives_global_a.csv"):
        with (DATA / "screening" / name).open(encoding="utf-8") as file:
            innocent += [row["full_name"] for row in csv.DictReader(file)]
    assert hits >= 0.9 * len(listed)
    assert [name for name in innocent if un.hit([name])] == []
