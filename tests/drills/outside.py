"""A witness and a mirror as programs of their own, and between them and a platform a cable for each."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

from ringfence.identity import PrincipalKind
from ringfence_local_stack.processes.ways import Ways
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import fresh
from ringfence_verifier import Checkpoint, CosignerKey, Policy, VerifierKey, cosigners, verify_checkpoint

from clients.verifier.tests.processes import line_of

WITNESS, MIRROR = "witness", "mirror"


@dataclass(frozen=True)
class Outside:
    """What stands outside of a platform's zones, and how its log is read there."""

    scenario: Scenario
    ways: Ways
    key: str
    policy: Policy
    mirror: CosignerKey
    mirror_port: int
    folder: Path

    def published(self) -> Checkpoint:
        """Returns what anybody is shown, held to the policy's quorum; to look is no leaf."""
        note = asked("GET", f"https://localhost:{_tiles_port(self.scenario)}", self.scenario, "/checkpoint")
        return self.policy.verify(note)[0]

    def mirrored(self) -> Checkpoint:
        """Returns what the mirror says that it holds, under its own key."""
        path = f"/{sha256(VerifierKey.parse(self.key).name.encode()).hexdigest()}/checkpoint"
        note = asked("GET", f"http://127.0.0.1:{self.mirror_port}", self.scenario, path)
        checkpoint = verify_checkpoint(note, self.key)
        assert cosigners(note, checkpoint, (self.mirror,))
        return checkpoint

    @contextmanager
    def cut(self, *names: str) -> Iterator[None]:
        """Cuts cables for the block."""
        for name in names:
            self.ways.cut(name)
        try:
            yield
        finally:
            for name in names:
                self.ways.mend(name)


def asked(method: str, url: str, scenario: Scenario, path: str) -> str:
    """Asks for a path; returns what a good answer says."""
    scheme, _, host = url.partition("://")
    context = ssl.create_default_context(cafile=str(scenario.stack.workload_ca_file))
    name, _, port = host.rpartition(":")
    connection = (
        http.client.HTTPSConnection(name, int(port), timeout=20, context=context)
        if scheme == "https"
        else http.client.HTTPConnection(name, int(port), timeout=20)
    )
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == http.client.OK, answer.status
        return answer.read().decode()
    finally:
        connection.close()


@contextmanager
def programs() -> Iterator[ExitStack]:
    """Ends what was started outside, after the platform has."""
    with ExitStack() as running:
        yield running


def led_outside(scenario: Scenario, running: ExitStack, folder: Path) -> Outside:
    """Starts both programs, and has the log publish nothing that the witness has not seen."""
    ways, key = running.enter_context(Ways()), scenario.sandbox.log_key()
    [witness, *_] = _run("ringfence-witness", "init", folder / WITNESS, "--name", "witness.example/w")
    port = _served(running, "ringfence-witness", "serve", folder / WITNESS, "--log", key, "--listen", "127.0.0.1:0")
    policy = f"log {key}\nwitness w {witness} http://{ways.to(WITNESS, port)}\nquorum w\n"
    settings = cast(dict[str, dict[str, str]], scenario.stack.service_settings)
    settings["audit"] = {**settings.get("audit", {}), "RINGFENCE_WITNESS_POLICY": policy}
    audit = scenario.processes.service("audit")
    audit.stop()
    audit.start()
    principal = scenario.sandbox.principal(fresh("mirror-"), PrincipalKind.MIRROR)
    [cosigner, *_] = _run("ringfence-mirror", "init", folder / MIRROR, "--name", "mirror.example/m")
    tiles = ways.to(MIRROR, _tiles_port(scenario)).rpartition(":")[2]
    follow = ["--log", key, "--from", f"https://localhost:{tiles}", "--every", "0.5", "--listen", "127.0.0.1:0"]
    follow += ["--authority", str(scenario.stack.workload_ca_file), *_shows(principal)]
    mirror_port = _served(running, "ringfence-mirror", "serve", folder / MIRROR, *follow)
    read = Policy.parse(policy.encode())
    return Outside(scenario, ways, key, read, CosignerKey.parse(cosigner), mirror_port, folder)


def _shows(principal: PrincipalFolder) -> list[str]:
    """By which a mirror shows its certificate."""
    fields = json.loads((principal.path / "credentials.json").read_text())
    files = fields["certificate_file"], fields["certificate_key_file"]
    certificate, key = (str(principal.path / each) for each in files)
    return ["--client-certificate", certificate, "--client-key", key]


def _tiles_port(scenario: Scenario) -> int:
    return int(scenario.stack.tiles_listens["audit"].rpartition(":")[2])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(name: str, *arguments: str | Path) -> list[str]:
    done = subprocess.run([_program(name), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _served(running: ExitStack, name: str, *arguments: str | Path) -> int:
    """Starts a program for as long as `running` lasts; returns the port at which it answers."""
    process = subprocess.Popen([_program(name), *arguments], stdout=subprocess.PIPE, text=True)
    running.callback(process.wait, 20)
    running.callback(process.terminate)
    return int(line_of(process, process.stdout).rsplit(":", 1)[1].split()[0])
