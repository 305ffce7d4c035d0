"""Tries the images of tools as the chart's Jobs and tests run them: health, a payment, plans for Vault and NATS."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.running import RunningStack

from deploy.images.containers import Containers
from deploy.images.making import ROOT, image_name
from deploy.images.store import ImagesError

SCRIPTS = ROOT / "deploy" / "helm" / "ringfence" / "files" / "tests"
_PYTHON = "/service/bin/python"
_IN_VAULT = 'trust_domain = "ringfence.example"\n[login]\nmethod = "approle"\n'
_IN_NATS = 'trust_domain = "ringfence.example"\nloopback = true\n[login]\nmethod = "approle"\n[nats]\nreplicas = 1\n'
_AS_DESCRIBED, _DIFFERENT = 0, 2
_SECONDS = 180


def tried_health(containers: Containers, running: RunningStack) -> None:
    """Of each service kubelet would see `live` and `ready`, and `lead` of one process; raises ImagesError."""
    at = {f"{part}-0": address.rpartition(":") for part, address in running.health_listens.items()}
    script = containers.mount("health", SCRIPTS / "health.py", "/etc/ringfence/test/health.py")
    named = [f"--add-host={pod}:{host}" for pod, (host, _, _) in at.items()]
    addresses = [f"{pod}:{port}" for pod, (_, _, port) in at.items()]
    said = _run(containers, "audit", [script, *named], [_PYTHON, "/etc/ringfence/test/health.py", *addresses])
    _must_say(said, "processes are well")


def tried_payment(containers: Containers, running: RunningStack) -> None:
    """A platform pays a hundredth from the client's image, and its receipt verifies there; raises ImagesError."""
    with Scenario.attached(running.directory) as scenario:
        platform = scenario.platform("Nora Vale", "Alpha Teal")
        payer, payee = platform.customers("Nora Vale", "Alpha Teal")
        platform.bank.deposit(payer, 100)
        # A principal of the sandbox has its certificate from its first use on.
        scenario.regulator.audit.checkpoint()
        environment = {
            "LOG_KEY": scenario.sandbox.log_key(),
            "DEBTOR_IBAN": payer.iban,
            "CREDITOR_IBAN": payee.iban,
            "CREDITOR_NAME": payee.name,
            "CURRENCY": "EUR",
            **{f"{name.upper().replace('-', '_')}_ADDRESS": address for name, address in running.addresses.items()},
        }
        mounts = [containers.mount("payment", SCRIPTS / "payment.py", "/etc/ringfence/test/payment.py")]
        for whose, name in (("platform", platform.name), ("regulator", "regulator")):
            environment[f"{whose.upper()}_CREDENTIALS"] = f"/etc/ringfence/{whose}"
            folder = scenario.sandbox.folder_of(name)
            mounts += [
                containers.mount(f"payment-{whose}", file, f"/etc/ringfence/{whose}/{file.name}")
                for file in folder.iterdir()
                if file.is_file()
            ]
        options = [*mounts, *_settings(environment)]
        said = _run(containers, "client", options, [_PYTHON, "/etc/ringfence/test/payment.py"])
    _must_say(said, "its receipt proves leaf")


def tried_bootstrap(containers: Containers, running: RunningStack, folder: Path) -> None:
    """An empty OpenBao is planned, filled and found as described; so are the stack's streams. Raises ImagesError."""
    with running_blank_openbao(private_folder(folder)) as server:
        token = write_private(folder / "token", server.admin_token)
        options = [
            *_settings({"VAULT_ADDR": server.address, "VAULT_CACERT": "/etc/ringfence/trust/vault-ca.pem"}),
            containers.mount("vault", server.ca_file, "/etc/ringfence/trust/vault-ca.pem"),
            containers.mount("vault", token, "/etc/ringfence/administrator/token"),
            *_description(containers, folder, "vault", _IN_VAULT),
        ]
        command = [*_bootstrap("vault"), "--token-file=/etc/ringfence/administrator/token"]
        _must_say(_run(containers, "bootstrap", options, [*command, "--plan"], _DIFFERENT), "+ sys/mounts/transit")
        _must_say(_run(containers, "bootstrap", options, [*command, "--apply"]), "the root token is revoked")
    administrator = running.nats_admin_certificate()
    options = [
        *_settings(
            {"RINGFENCE_NATS_URL": running.nats_url, "RINGFENCE_NATS_CACERT": "/etc/ringfence/trust/nats-ca.pem"}
        ),
        containers.mount("nats", running.workload_ca_file, "/etc/ringfence/trust/nats-ca.pem"),
        containers.mount("nats", administrator.certificate, "/etc/ringfence/administrator/tls.crt"),
        containers.mount("nats", administrator.key, "/etc/ringfence/administrator/tls.key"),
        *_description(containers, folder, "nats", _IN_NATS),
    ]
    files = ("--certificate=/etc/ringfence/administrator/tls.crt", "--key=/etc/ringfence/administrator/tls.key")
    said = _run(containers, "bootstrap", options, [*_bootstrap("nats"), *files, "--plan"], _AS_DESCRIBED)
    _must_say(said, "nothing to change")


def _bootstrap(server: str) -> list[str]:
    description = "--description=/etc/ringfence/bootstrap/description.toml"
    return [f"/service/bin/ringfence-{server}", "bootstrap", description]


def _description(containers: Containers, folder: Path, server: str, text: str) -> list[str]:
    file = write_private(folder / f"{server}.toml", text)
    return [containers.mount(server, file, "/etc/ringfence/bootstrap/description.toml")]


def _settings(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]


def _run(
    containers: Containers, image: str, options: Sequence[str], command: Sequence[str], status: int = _AS_DESCRIBED
) -> str:
    line = containers.run(image_name(image), [*options, f"--entrypoint={command[0]}"], command[1:])
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if done.returncode != status:
        said = (done.stdout + done.stderr).strip()[-600:]
        raise ImagesError(f"{image}: {' '.join(command)} ended with status {done.returncode}, not {status}: {said}")
    return done.stdout


def _must_say(said: str, words: str) -> None:
    if words not in said:
        raise ImagesError(f"{words!r} is not said: {said.strip()[-600:]}")
