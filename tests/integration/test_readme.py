"""The README's examples, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format, symbol_database
from ringfence_local_stack.demo import onboarding
from ringfence_local_stack.demo.deposits import receive
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.script import platforms
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.sandbox import Sandbox

from .wire import Method, Wire, methods

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CALLS = re.findall(r"grpcurl \$TLS -authority (\S+).*? -d (.+?) \\\n\s+\$\w+ (\S+)", README)


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox) -> Stage:
    """The platform that the examples speak of."""
    wallet, operator = platforms()[1], sandbox.operators[0]
    stage = onboarding.enter(sandbox, wallet)
    onboarding.onboard_clients(stage, operator)
    onboarding.open_book(stage, sandbox.operators)
    onboarding.name_ibans(stage, sandbox.operators, sandbox.bank_feed)
    onboarding.import_sanctions(operator)
    with simulated_bank(sandbox.stack, [wallet.safeguarding_iban]):
        receive(stage, spool_folder(sandbox.stack.directory), sandbox.bank_feed)
    return stage


@pytest.fixture(scope="module")
def example(sandbox: Sandbox, stage: Stage) -> subprocess.CompletedProcess[str]:
    """The SDK example, as it was run."""
    (text,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    environment = os.environ | {"CREDENTIALS": str(sandbox.folder_of(stage.platform.name))}
    return subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_sdk_example_pays(example: subprocess.CompletedProcess[str]) -> None:
    """The SDK example runs as written and ends with the payment settled."""
    assert example.returncode == 0, example.stderr
    assert example.stdout.split()[-1] == "SETTLED"


def test_grpcurl_examples_name_real_methods_and_fields(sandbox: Sandbox, stage: Stage) -> None:
    """Each grpcurl example's JSON is a request of its method, which answers it; names and files are real."""
    credentials = sandbox.client(stage.platform.name).credentials
    wire, token = Wire(sandbox.stack, credentials), ""
    assert len(CALLS) == 3
    for authority, data, path in CALLS:
        method = next(each for each in methods() if each.path == f"/{path}")
        assert method.service == authority
        # What the shell makes of it: quotes go, the variable is filled in.
        text = data.replace("'", "").replace("$ASSERTION", credentials.assertion())
        reply = _call(wire, method, text, token)
        token = reply.get("accessToken", token)
    wire.close()
    folder = sandbox.folder_of(stage.platform.name)
    assert all((folder / name).exists() for name in ("servers-ca.pem", "client.pem", "client.key", "credentials.json"))


def _call(wire: Wire, method: Method, text: str, token: str) -> dict[str, str]:
    """Calls a method with JSON, as grpcurl does, and returns the answer as JSON."""
    types = symbol_database.Default()
    request = types.GetSymbol(method.descriptor.input_type.full_name)()
    json_format.Parse(text, request)
    answer = wire.call(method, request.SerializeToString(), token or None)
    assert answer.code == "OK", answer
    reply = types.GetSymbol(method.descriptor.output_type.full_name).FromString(answer.reply)
    shown: dict[str, str] = json.loads(json_format.MessageToJson(reply))
    return shown
