"""Sanctions lists as published: every name is read, and a damaged file is refused whole."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_payment_instruction.screening.adapters.list_files import ListFormat, SanctionsFiles
from ringfence_payment_instruction.screening.application.importing import ListPart
from ringfence_payment_instruction.screening.domain.editions import columns_of
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, NameQuality
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged
from ringfence_payment_instruction.screening.domain.events import SanctionsListImported
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "sanctions"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
PRIMARY, GOOD, WEAK, ORIGINAL = NameQuality
OFAC_ROWS = (
    '36,"EXAMPLE TRADING CO.",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
    '37,"MOLE, Adrian (Adi)","individual","SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,'
    "\"DOB 1967; a.k.a. ''MOLE''; a.k.a. 'PANDORA'S FRIEND'; Linked To: EXAMPLE TRADING CO.; a.k.a. 'CUT\"\r\n"
)
OFAC = f"{OFAC_ROWS}\x1a".encode()
ALIASES = b'36,12,"aka","EXAMPLE TRADE",-0- \r\n37,13,"fka","MOLE, A.",-0- \r\n\x1a'
ADDRESSES = b'36,1,-0- ,"Havana","Cuba",-0- \r\n37,2,-0- ,-0- ,-0- ,-0- \r\n\x1a'
REMARKS = b"37,\" OFF'; f.k.a. 'NIGEL'.\"\r\n\x1a"
UN = (
    "<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><FIRST_NAME>ERIC</FIRST_NAME><SECOND_NAME>SAMPLE</SECOND_NAME>"
    "<REFERENCE_NUMBER>CDi.999</REFERENCE_NUMBER><NAME_ORIGINAL_SCRIPT>Эрик</NAME_ORIGINAL_SCRIPT><INDIVIDUAL_ALIAS>"
    "<QUALITY>Good</QUALITY><ALIAS_NAME>The Sampler</ALIAS_NAME></INDIVIDUAL_ALIAS></INDIVIDUAL></INDIVIDUALS>"
    "<ENTITIES><ENTITY><FIRST_NAME>SAMPLE FRONT</FIRST_NAME><REFERENCE_NUMBER>CDe.9</REFERENCE_NUMBER></ENTITY>"
    "</ENTITIES></CONSOLIDATED_LIST>"
)
DENIED = (
    '"Name"\t"Street_Address"\t"City"\t"State"\t"Country"\t"Postal_Code"\t"Effective_Date"\t"Expiration_Date"\t'
    '"Standard_Order"\t"Last_Update"\t"Action"\t"FR_Citation"\n'
)
EVERY_PART = {ListPart.ALIASES: ALIASES, ListPart.ADDRESSES: ADDRESSES, ListPart.REMARKS: REMARKS}


def read(list_format: ListFormat, content: bytes, parts: Mapping[ListPart, bytes] | None = None) -> list[Entry]:
    """Reads an edition."""
    return SanctionsFiles().read(list_format, content, parts or {})


def named(entries: list[Entry]) -> dict[str, dict[str, NameQuality]]:
    """Returns the names with their quality by reference."""
    return {entry.reference: {name.text: name.quality for name in entry.names} for entry in entries}


def screening(entries: list[Entry]) -> Screening:
    """Returns the screening that a list gives."""
    columns = asdict(columns_of(entries))
    event = SanctionsListImported(list_name="L", list_format=1, digest=b"", published_ns=0, imported_by=b"", **columns)
    return Screening({"L": SanctionsList.of(event)}, 0)


def test_every_name_of_every_format_is_read() -> None:
    """With the publisher's own number; aliases and original script included."""
    assert named(read(ListFormat.UN_XML, UN.encode())) == {
        "CDi.999": {"ERIC SAMPLE": PRIMARY, "Эрик": ORIGINAL, "The Sampler": GOOD}, "CDe.9": {"SAMPLE FRONT": PRIMARY},
    }  # fmt: skip
    plain = read(ListFormat.CSV, b'\xef\xbb\xbfname,kind,reference\r\n"Actor, Bad",person,1\r\nGrey,person,1\r\n')
    assert named(plain) == {"1": {"Actor, Bad": PRIMARY, "Grey": GOOD}}
    line = "\t".join(['"JO DOE"', *['""'] * 10, '"82 F.R. 1"'])
    denied = read(ListFormat.BIS_DENIED_PERSONS, f"{DENIED}{line}\n".encode())
    assert [list(names) for names in named(denied).values()] == [["JO DOE"]]


def test_the_files_of_ofac_are_one_edition() -> None:
    """Names stand in the primary file, in that of aliases, in remarks, and in what remarks had no room for."""
    entries = read(ListFormat.OFAC_SDN, OFAC, EVERY_PART)
    assert named(entries) == {
        "36": {"EXAMPLE TRADING CO.": PRIMARY, "EXAMPLE TRADE": GOOD},
        "37": {
            "MOLE, Adrian (Adi)": PRIMARY, "MOLE, Adrian": PRIMARY, "Adi": WEAK, "MOLE, A.": GOOD,
            "MOLE": WEAK, "PANDORA'S FRIEND": WEAK, "CUT OFF": WEAK, "NIGEL": WEAK,
        },
    }  # fmt: skip
    assert [entry.kind for entry in entries] == [EntryKind.ORGANISATION, EntryKind.PERSON]
    assert "Havana" in entries[0].details


def test_a_file_of_lines_has_names_of_a_quality() -> None:
    """Lines of one reference are one entry's; a fourth column says how much a name says."""
    content = "name,kind,reference,quality\nJo Doe,person,1,\nJ D,person,1,weak\nДо,person,1,original_script\n"
    assert named(read(ListFormat.CSV, content.encode())) == {"1": {"Jo Doe": PRIMARY, "J D": WEAK, "До": ORIGINAL}}


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("Grey One; Tarn Two", ["Grey One", "Tarn Two"]),
        ("Sabet One b) M. Two; Three Three", ["Sabet One", "M. Two", "Three Three"]),
        ("Oskar One a.k.a. Grey Two", ["Oskar One a.k.a. Grey Two", "Oskar One", "Grey Two"]),
        ("ONE SUN A/K/A TWO SUN", ["ONE SUN A/K/A TWO SUN", "ONE SUN", "TWO SUN"]),
        ("Acme One (formerly Tarn Two)", ["Acme One (formerly Tarn Two)", "Acme One", "Tarn Two"]),
        ("Acme One formerly known as Tarn Two", ["Acme One formerly known as Tarn Two", "Acme One", "Tarn Two"]),
        ("Jin One (金铁三)", ["Jin One (金铁三)", "Jin One", "金铁三"]),
        ("حسن غول (Hassan Ghul; Hasan Gul)", ["حسن غول", "Hassan Ghul", "Hasan Gul"]),
        ("One Two (birth name)", ["One Two (birth name)", "One Two"]),
        ("One Two, born 1953 (passport no. 3)", ["One Two, born 1953 (passport no. 3)", "One Two"]),
    ],
)
def test_several_names_in_one_field_are_names(field: str, names: list[str]) -> None:
    """Parted by semicolons, letters of a list, what says "also known as", and brackets; remarks are none."""
    alias = f"<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>{field}</ALIAS_NAME></INDIVIDUAL_ALIAS>"
    entries = read(ListFormat.UN_XML, UN.replace("</INDIVIDUAL>", f"{alias}</INDIVIDUAL>").encode())
    assert list(named(entries)["CDi.999"])[3:] == names
    assert {screening(entries).hit([name]) for name in names} == {"L/CDi.999"}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("ERIC", "E<!-- note -->RIC"),
        lambda text: text.replace("<FIRST_NAME>ERIC", "<?editor was here?><FIRST_NAME>ER<?note x?>IC"),
        lambda text: text.replace("ERIC", "<![CDATA[ERIC]]>").replace("The Sampler", "The <![CDATA[Sampler]]>"),
        lambda text: text.replace("ERIC", "<b>ER</b>IC"),
        lambda text: text.replace("<CONSOLIDATED_LIST>", '<CONSOLIDATED_LIST xmlns="urn:un">'),
        lambda text: f"<?xml version='1.0'?><?style x?><!-- head -->{text}<!-- tail --><?tail x?>\n",
        lambda text: text.replace("ERIC", "\n  ERIC\n").replace("The Sampler", "The\n   Sampler"),
    ],
)
def test_what_an_editor_left_in_a_file_is_read_past(change: Callable[[str], str]) -> None:
    """Comments, instructions, CDATA, inner elements, namespaces and line ends change no name."""
    assert named(read(ListFormat.UN_XML, change(UN).encode())) == named(read(ListFormat.UN_XML, UN.encode()))


def test_a_weak_alias_and_one_of_one_word_hit_only_the_whole() -> None:
    """Who writes such a word beside others is somebody else; a whole name beside others is that name."""
    rows = b"Bad Actor,person,1,\nNimr,person,1,\nThe Wolf,person,1,weak\n"
    lists = screening(read(ListFormat.CSV, b"name,kind,reference,quality\n" + rows))
    many = f"{'a;' * 60}Bad Actor"
    for name in ("nimr", "wolf, the", "Acme One; Bad Actor", "Acme One (formerly Bad Actor)", "Acme / Bad Actor", many):
        assert lists.hit([name]) == "L/1"
    for name in ("Acme One; Nimr", "Jo Doe (The Wolf)", "Nimr Acme"):
        assert lists.hit([name]) == ""


def test_the_hash_of_an_entry_is_that_of_what_it_says() -> None:
    """The order of aliases is nobody's; another name or address is another entry."""
    edition = read(ListFormat.OFAC_SDN, OFAC, EVERY_PART)
    swapped = b'37,13,"fka","MOLE, A.",-0- \r\n36,12,"aka","EXAMPLE TRADE",-0- \r\n\x1a'
    same = read(ListFormat.OFAC_SDN, OFAC, {**EVERY_PART, ListPart.ALIASES: swapped})
    assert [each.digest() for each in same] == [each.digest() for each in edition]
    for part, before, after in ((ListPart.ALIASES, b"TRADE", b"TRADES"), (ListPart.ADDRESSES, b"Havana", b"Trinidad")):
        other = read(ListFormat.OFAC_SDN, OFAC, {**EVERY_PART, part: EVERY_PART[part].replace(before, after)})
        assert other[0].digest() != edition[0].digest()
        assert other[1].digest() == edition[1].digest()


@pytest.mark.parametrize(
    ("list_format", "content"),
    [
        (ListFormat.CSV, b"name,reference\nA,1\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person\nB,person,2\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person,1\nB,person\n"),
        (ListFormat.CSV, b"name,kind,reference\n,person,1\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person,\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person,1\nB,entity,1\n"),
        (ListFormat.CSV, b"name,kind,reference,quality\nA,person,1,splendid\n"),
        (ListFormat.CSV, b"name,kind,reference\nA,person,1\n\nB,person,2\n"),
        (ListFormat.CSV, "name,kind,reference\nÄ,person,1\n".encode("latin-1")),
        (ListFormat.CSV, b'name,kind,reference\n"A,person,1\n'),
        (ListFormat.CSV, b""),
        (ListFormat.OFAC_SDN, b"||||\n" + OFAC),
        (ListFormat.OFAC_SDN, OFAC[:-1] + b"||||\r\n\x1a"),
        (ListFormat.OFAC_SDN, OFAC[:-1] + b",,,\r\n\x1a"),
        (ListFormat.OFAC_SDN, OFAC[:-1]),
        (ListFormat.OFAC_SDN, OFAC + OFAC),
        (ListFormat.OFAC_SDN, OFAC[:-1] + OFAC),
        (ListFormat.OFAC_SDN, OFAC.replace(b"36", b"x")),
        (ListFormat.UN_XML, UN[:-10].encode()),
        (ListFormat.UN_XML, f"{UN}<x/>".encode()),
        (ListFormat.UN_XML, f"<!DOCTYPE x [<!ENTITY e 'x'>]>{UN}".encode()),
        (ListFormat.UN_XML, UN.replace("<REFERENCE_NUMBER>CDe.9</REFERENCE_NUMBER>", "").encode()),
        (ListFormat.UN_XML, UN.replace("CDe.9", "CDi.999").encode()),
        (ListFormat.UN_XML, UN.replace("ENTITIES", "OTHERS").encode()),
        (ListFormat.UN_XML, UN.replace("ENTITY", "THING").encode()),
        (ListFormat.UN_XML, b"<OTHER/>"),
        (ListFormat.BIS_DENIED_PERSONS, DENIED.encode() + b'"JO DOE"\n'),
        (ListFormat.BIS_DENIED_PERSONS, DENIED.encode().replace(b"Action", b"Act") + b'"JO DOE"\n'),
    ],
)
def test_a_damaged_file_is_refused_whole(list_format: ListFormat, content: bytes) -> None:
    """A line that cannot be read might be a name."""
    with pytest.raises(SanctionsListDamaged):
        read(list_format, content)


@pytest.mark.parametrize(
    "parts",
    [
        {ListPart.ALIASES: b'99,12,"aka","NOBODY",-0- \r\n\x1a'},
        {ListPart.ADDRESSES: b'36,1,-0- ,"Havana","Cuba",-0- \r\n\x1a'},
        {ListPart.REMARKS: b'99,"; x"\r\n\x1a'},
        {ListPart.ALIASES: ADDRESSES},
        {ListPart.ALIASES: ALIASES[:-1]},
        {ListPart.ALIASES: b""},
    ],
)
def test_files_that_do_not_belong_together_are_refused(parts: dict[ListPart, bytes]) -> None:
    """An alias of no entry, an entry without a line of addresses, and a file without its end are of other editions."""
    with pytest.raises(SanctionsListDamaged):
        read(ListFormat.OFAC_SDN, OFAC, parts)
    with pytest.raises(SanctionsListDamaged):
        read(ListFormat.UN_XML, UN.encode(), {ListPart.ALIASES: ALIASES})


@given(st.data())
def test_a_file_that_was_cut_off_anywhere_is_refused(data: st.DataObject) -> None:
    """Where the format has an end, no part of a file is a file."""
    part, whole = data.draw(st.sampled_from([(None, OFAC), (None, UN.encode()), *EVERY_PART.items()]))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    list_format = ListFormat.UN_XML if whole.startswith(b"<") else ListFormat.OFAC_SDN
    with pytest.raises(SanctionsListDamaged):
        read(list_format, *((cut,) if part is None else (OFAC, {**EVERY_PART, part: cut})))


def published(folder: str, primary: str, aliases: str, addresses: str) -> tuple[bytes, dict[ListPart, bytes]]:
    """Returns the files of an edition of OFAC's."""
    files = [(DATA / folder / name).read_bytes() for name in (primary, aliases, addresses)]
    return files[0], {ListPart.ALIASES: files[1], ListPart.ADDRESSES: files[2]}


@needs_data
def test_real_lists_are_read_whole() -> None:
    """Every entry and alias of OFAC's lists, the United Nations' and the Bureau of Industry and Security's."""
    sdn = read(ListFormat.OFAC_SDN, *published("ofac-2019", "sdn.csv", "alt.csv", "add.csv"))
    other = read(ListFormat.OFAC_SDN, *published("ofac-cons", "cons_prim.csv", "cons_alt.csv", "cons_add.csv"))
    un = read(ListFormat.UN_XML, (DATA / "un/UN_consolidated.xml").read_bytes())
    denied = read(ListFormat.BIS_DENIED_PERSONS, (DATA / "bis/dpl.txt").read_bytes())
    assert [len(each) for each in (sdn, other, un, denied)] == [7_379, 442, 1_003, 429]
    assert [sum(len(entry.names) for entry in each) for each in (sdn, other, un, denied)] == [19_280, 1_602, 4_439, 453]
    lists = screening(sdn)
    assert (lists.hit(["COPROVA SARL"]), lists.hit(["Ahmed the Tanzanian"])) == ("L/555", "L/6925")


@needs_data
@given(st.data())
def test_a_real_list_that_was_cut_off_is_refused(data: st.DataObject) -> None:
    """At any byte of any file of an edition as it was published."""
    primary, parts = published("ofac-cons", "cons_prim.csv", "cons_alt.csv", "cons_add.csv")
    cut = data.draw(st.sampled_from([None, *parts]))
    whole = primary if cut is None else parts[cut]
    short = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(SanctionsListDamaged):
        read(ListFormat.OFAC_SDN, *((short, parts) if cut is None else (primary, {**parts, cut: short})))


def passes(content: bytes, parts: Mapping[ListPart, bytes]) -> bool:
    """Tells whether one person alone may bring these files into force as a first edition."""
    try:
        read(ListFormat.OFAC_SDN, content, parts)
    except SanctionsListDamaged:
        return False
    return not any(SanctionsFiles().may_be_cut(ListFormat.OFAC_SDN, each) for each in (content, *parts.values()))


def cuts(whole: bytes) -> set[int]:
    """Returns the places at the ends of all lines, and two bytes before and after each."""
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    near = {place for end in ends for place in range(end - 1, end + 4)}
    return {place for place in near if 0 <= place < len(whole)}


@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
def test_a_cut_at_any_byte_is_seen_or_needs_a_second_person(ends: bytes) -> None:
    """Of each of the four files, as published and as a copy that lost its marks: nothing short passes by itself."""
    mark = b"\x1a" if ends == b"\r\n" else b""
    whole = {part: content[:-1].replace(b"\r\n", ends) + mark for part, content in ((None, OFAC), *EVERY_PART.items())}
    assert passes(OFAC, EVERY_PART)
    for cut, content in whole.items():
        for place in range(len(content)):
            files = {**whole, cut: content[:place]}
            assert not passes(files.pop(None), {part: each for part, each in files.items() if part}), (cut, place)


@needs_data
@pytest.mark.parametrize("cut", [None, *ListPart])
def test_a_published_file_that_ends_with_any_of_its_lines_is_refused(cut: ListPart | None) -> None:
    """Where it has a mark at its end, as OFAC's files have: the whole passes, and no part of any of the four."""
    primary, parts = published("ofac-cons", "cons_prim.csv", "cons_alt.csv", "cons_add.csv")
    parts[ListPart.REMARKS] = (DATA / "ofac-cons/cons_comments.csv").read_bytes()
    assert passes(primary, parts)
    whole = primary if cut is None else parts[cut]
    for place in sorted(cuts(whole)):
        short = whole[:place]
        assert not passes(*((short, parts) if cut is None else (primary, {**parts, cut: short})))


@needs_data
@pytest.mark.parametrize("cut", [None, ListPart.ALIASES, ListPart.ADDRESSES])
def test_a_copy_that_ends_with_any_of_its_lines_needs_a_second_person(cut: ListPart | None) -> None:
    """Copies that lost the mark end anywhere, an ALT file between two lines too: the whole one needs two as well."""
    files = dict(zip((None, *ListPart), ("sdn.csv", "alt.csv", "add.csv"), strict=False))
    numbers = {line.split(b",")[0] for line in (DATA / "ofac-2019/sdn.csv").read_bytes().split(b"\n")[:120]}
    whole = {
        part: b"".join(line for line in (DATA / "ofac-2019" / name).open("rb") if line.split(b",")[0] in numbers)
        for part, name in files.items()
    }
    content = whole[cut]
    assert content.count(b"\n") > 20
    for place in (*sorted(cuts(content)), len(content)):
        short = {**whole, cut: content[:place]}
        assert not passes(short.pop(None), {part: each for part, each in short.items() if part})


@needs_data
@given(st.data())
def test_a_copy_without_end_marks_is_checked_against_its_addresses(data: st.DataObject) -> None:
    """Lines that end as other systems' do have lost the mark: then every entry has its line of addresses."""
    lines = (DATA / "ofac-2019/sdn.csv").read_bytes().split(b"\n")[:40]
    numbers = {line.split(b",")[0] for line in lines}
    located = (line for line in (DATA / "ofac-2019/add.csv").read_bytes().split(b"\n"))
    addresses = b"\n".join(line for line in located if line.split(b",")[0] in numbers) + b"\n"
    primary = b"\n".join(lines) + b"\n"
    assert len(read(ListFormat.OFAC_SDN, primary, {ListPart.ADDRESSES: addresses})) == len(lines)
    cut = data.draw(st.integers(0, primary.rindex(b"\n", 0, -1)))
    with pytest.raises(SanctionsListDamaged):
        read(ListFormat.OFAC_SDN, primary[:cut], {ListPart.ADDRESSES: addresses})


@needs_data
@pytest.mark.parametrize("file", ["add.csv", "alt.csv", "csl.csv", "sdn.csv", "sdn_comments.csv"])
def test_broken_files_are_refused_whole(file: str) -> None:
    """In whatever format they are said to be, and as whatever part."""
    content = (DATA / "broken" / file).read_bytes()
    primary, parts = published("ofac-2019", "sdn.csv", "alt.csv", "add.csv")
    for list_format in ListFormat:
        with pytest.raises(SanctionsListDamaged):
            read(list_format, content)
    for part in ListPart:
        with pytest.raises(SanctionsListDamaged):
            read(ListFormat.OFAC_SDN, primary, {**parts, part: content})


@needs_data
def test_listed_people_hit_and_innocent_ones_do_not() -> None:
    """Nearly every name on the UN list hits as it stands there; of 20,000 invented customers none does, on any list."""
    un = screening(read(ListFormat.UN_XML, (DATA / "un/UN_consolidated.xml").read_bytes()))
    sdn = screening(read(ListFormat.OFAC_SDN, *published("ofac-2019", "sdn.csv", "alt.csv", "add.csv")))
    with (DATA / "screening/positives_un_a.csv").open(encoding="utf-8") as file:
        listed = [row["untreated_full_name"] for row in csv.DictReader(file)]
    hits = sum(bool(un.hit([name])) for name in listed)
    innocent = []
    for name in ("negatives_us_a.csv", "negatives_global_a.csv"):
        with (DATA / "screening" / name).open(encoding="utf-8") as file:
            innocent += [row["full_name"] for row in csv.DictReader(file)]
    assert hits >= 0.99 * len(listed)
    assert [name for name in innocent if un.hit([name]) or sdn.hit([name])] == []
