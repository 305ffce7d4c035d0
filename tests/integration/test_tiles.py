"""The log as tiles beside the whole stack: who may copy is what identity has registered, pinned, renewed, suspended."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from pathlib import Path

import pytest
from ringfence.commands import pin
from ringfence.identity import PrincipalKind, require_done
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import fresh


def get(scenario: Scenario, path: str, folder: Path | None = None, part: str = "audit") -> tuple[int, bytes]:
    """Asks a process of audit for a path, under the certificate that stands in a credentials directory."""
    stack = scenario.processes.running
    context = ssl.create_default_context(cafile=str(stack.workload_ca_file))
    if folder is not None:
        fields = json.loads((folder / "credentials.json").read_text())
        context.load_cert_chain(folder / fields["certificate_file"], folder / fields["certificate_key_file"])
    port = int(stack.tiles_listens[part].rpartition(":")[2])
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def eventually(scenario: Scenario, folder: PrincipalFolder, status: int) -> None:
    """Waits until entries are answered by a status: what identity did is in the log a little later."""
    give_up = time.monotonic() + 30
    while (found := get(scenario, "/tile/entries/000.p/1", folder.path))[0] != status:
        assert time.monotonic() < give_up, found
        time.sleep(0.2)


@pytest.fixture
def mirror(scenario: Scenario) -> PrincipalFolder:
    """A mirror, registered by two with a certificate."""
    return scenario.sandbox.principal(fresh("mirror-"), PrincipalKind.MIRROR)


def test_a_mirror_copies_until_it_is_suspended(scenario: Scenario, mirror: PrincipalFolder) -> None:
    """By the certificate that two people have read, then by one that it has renewed, and then by none."""
    eventually(scenario, mirror, 200)
    assert get(scenario, "/checkpoint")[0] == 200
    pin.renew(mirror.path)
    eventually(scenario, mirror, 200)
    require_done(scenario.operators[0].identity.suspend_principals([mirror.principal_id], "left"))
    eventually(scenario, mirror, 403)
    assert get(scenario, "/tile/entries/000.p/1", mirror.path)[1] == b"PRINCIPAL_SUSPENDED\n"


def test_vaults_word_alone_copies_nothing(scenario: Scenario, mirror: PrincipalFolder) -> None:
    """A certificate that is signed for the mirror, and that nobody has pinned."""
    eventually(scenario, mirror, 200)
    fields = json.loads((mirror.path / "credentials.json").read_text())
    (mirror.path / fields["certificate_file"]).unlink()
    mirror.equip(scenario.stack)
    assert get(scenario, "/tile/entries/000.p/1", mirror.path) == (403, b"ENTRIES_NOT_OPEN\n")


def test_a_platform_copies_nothing(scenario: Scenario) -> None:
    """Its own facts it reads in custody and payment-instruction; here are everybody's."""
    platform = scenario.sandbox.principal(fresh("platform-"), PrincipalKind.PLATFORM)
    for each in (platform.path, scenario.sandbox.folder_of("regulator")):
        status = get(scenario, "/tile/entries/000.p/1", each)[0]
        assert status == (403 if each == platform.path else 200)


def test_a_standby_shows_what_is_public_and_leaves_entries_to_the_leader() -> None:
    """Whoever records reads is one process; checkpoints and tiles are the same in both."""
    with Scenario.private(standbys=("audit",)) as scenario:
        mirror = scenario.sandbox.principal(fresh("mirror-"), PrincipalKind.MIRROR)
        parts = ("audit", "audit-standby")
        give_up = time.monotonic() + 30
        while True:
            shown = [get(scenario, path, part=part) for part in parts for path in ("/checkpoint", "/tile/0/000.p/1")]
            entries = [get(scenario, "/tile/entries/000.p/1", mirror.path, part) for part in parts]
            if shown[:2] == shown[2:] and sorted(status for status, _ in entries) == [200, 503]:
                break
            assert time.monotonic() < give_up, (shown, entries)
            time.sleep(0.2)
        assert (503, b"NOT_LEADER\n") in entries
        assert [status for status, _ in shown] == [200] * 4
