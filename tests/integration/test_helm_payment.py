"""The program by which `helm test` pays and proves, on a whole stack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ringfence_local_stack.scenario import Customer, Scenario

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "helm" / "ringfence" / "files" / "tests" / "payment.py"
OTHER_KEY = "example.org/log+67b6e1b8+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
"""A key in the log's form, of nobody: 0x01 and the bytes 1 to 32."""


def as_mounted(folder: Path, target: Path) -> str:
    """Copies a credentials directory as Kubernetes mounts a Secret: links to files that the group may read."""
    (target / "..data").mkdir(parents=True)
    for file in filter(Path.is_file, folder.iterdir()):
        shutil.copyfile(file, target / "..data" / file.name)
        (target / "..data" / file.name).chmod(0o440)
        (target / file.name).symlink_to(Path("..data", file.name))
    return str(target)


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the program as the pod does."""
    return subprocess.run(
        [sys.executable, SCRIPT],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def given(scenario: Scenario, folder: Path, payer: Customer, payee: Customer, platform: str) -> dict[str, str]:
    """Returns the environment of the pod; its Secrets are in `folder`."""
    sandbox, listens = scenario.sandbox, scenario.stack.listens
    # A principal of the sandbox has its certificate from its first use on.
    scenario.regulator.audit.checkpoint()
    return {
        "PLATFORM_CREDENTIALS": as_mounted(sandbox.folder_of(platform), folder / "platform"),
        "REGULATOR_CREDENTIALS": as_mounted(sandbox.folder_of("regulator"), folder / "regulator"),
        "LOG_KEY": sandbox.log_key(),
        "DEBTOR_IBAN": payer.iban,
        "CREDITOR_IBAN": payee.iban,
        "CREDITOR_NAME": payee.name,
        "CURRENCY": "EUR",
        **{f"{name.upper().replace('-', '_')}_ADDRESS": address for name, address in listens.items()},
    }


def test_a_small_payment_is_made_and_proven(scenario: Scenario, tmp_path: Path) -> None:
    """A hundredth moves, its receipt verifies with the log's key, and with another key it does not."""
    platform = scenario.platform("Nora Vale", "Alpha Teal")
    payer, payee = platform.customer("Nora Vale"), platform.customer("Alpha Teal")
    platform.bank.deposit(payer, 100)
    environment = given(scenario, tmp_path, payer, payee, platform.name)
    done = run(environment)
    assert done.returncode == 0, done.stderr
    assert "its receipt proves leaf" in done.stdout
    assert payee.account.posted_minor == 1
    other = run({**environment, "LOG_KEY": OTHER_KEY})
    assert other.returncode == 1
    assert "VerificationError" in other.stderr


def test_a_payment_that_does_not_settle_fails_the_test(scenario: Scenario, tmp_path: Path) -> None:
    """Where there is no money the program says how the payment ended."""
    platform = scenario.platform("Nora Vale", "Alpha Teal")
    payer, payee = platform.customer("Nora Vale"), platform.customer("Alpha Teal")
    done = run(given(scenario, tmp_path, payer, payee, platform.name))
    assert done.returncode == 1
    assert done.stderr == "the payment ended as REJECTED INSUFFICIENT_FUNDS\n"
