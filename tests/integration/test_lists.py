"""Editions of sanctions lists as they are handed in: what is damaged brings nothing into force."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any

import pytest
from ringfence.errors import RingfenceError
from ringfence.payments import ListFormat
from ringfence.sanctions import ListPart
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import fresh

ROW = b'36,"EXAMPLE TRADING CO.",-0- ,"CUBA",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
OFAC, ALIASES = ROW + b"\x1a", b'36,12,"aka","EXAMPLE TRADE",-0- \r\n\x1a'
UN = (
    b"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><FIRST_NAME>ERIC</FIRST_NAME><REFERENCE_NUMBER>CDi.999"
    b"</REFERENCE_NUMBER></INDIVIDUAL></INDIVIDUALS><ENTITIES></ENTITIES></CONSOLIDATED_LIST>"
)
DENIED = b'"Name"\t"Street_Address"\r\n"SAMPLE"\t"1 Road"\r\n'
DAMAGED: dict[str, tuple[ListFormat, bytes, dict[ListPart, bytes], dict[str, Any]]] = {
    "OFAC without its end": (ListFormat.OFAC_SDN, ROW, {}, {}),
    "OFAC cut within a row": (ListFormat.OFAC_SDN, OFAC[:40], {}, {}),
    "OFAC's aliases without their end": (ListFormat.OFAC_SDN, OFAC, {ListPart.ALIASES: ALIASES[:-1]}, {}),
    "OFAC's aliases of nobody": (ListFormat.OFAC_SDN, OFAC, {ListPart.ALIASES: b"9" + ALIASES}, {}),
    "UN cut": (ListFormat.UN_XML, UN[:-20], {}, {}),
    "UN with an entity of its own": (ListFormat.UN_XML, b"<!DOCTYPE x [<!ENTITY e 'x'>]>" + UN, {}, {}),
    "BIS with half of its columns": (ListFormat.BIS_DENIED_PERSONS, DENIED, {}, {}),
    "CSV of nothing": (ListFormat.CSV, b"name,kind,reference\n", {}, {}),
    "CSV that is no text": (ListFormat.CSV, b"name,kind,reference\n\xff\xfe,person,1\n", {}, {}),
    "another file than is stated": (ListFormat.OFAC_SDN, OFAC, {}, {"sha256": sha256(UN).digest()}),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_is_damaged_is_refused_whole(scenario: Scenario, what: str) -> None:
    """A name says what is wrong, nothing waits for a second person, and there is no list of that name."""
    list_format, content, parts, stated = DAMAGED[what]
    operator, name = scenario.operators[0].payments, fresh("damaged-")
    with pytest.raises(RingfenceError) as refused:
        operator.import_sanctions_list(name, list_format, content, time.time_ns(), parts, **stated)
    assert refused.value.reason == "SANCTIONS_LIST_DAMAGED"
    assert name not in {each.list_name for each in operator.sanctions_lists()}


def test_the_same_files_whole_are_a_list(scenario: Scenario) -> None:
    """What was refused above was refused for the damage."""
    operator, name = scenario.operators[0].payments, fresh("whole-")
    imported = operator.import_sanctions_list(
        name, ListFormat.OFAC_SDN, OFAC, time.time_ns(), {ListPart.ALIASES: ALIASES}, sha256=sha256(OFAC).digest()
    )
    assert (imported.entries, imported.proposal_id) == (1, None)
    assert name in {each.list_name for each in operator.sanctions_lists()}
