"""What tests run on is what the platform installs: a store that behaves otherwise is found here, not there."""

from __future__ import annotations

import re
import subprocess

import pytest
from ringfence_local_stack.processes.programs import find_bao, find_postgres_package

from deploy.checks.platform.files import ENVIRONMENTS, load


def installed(*command: str) -> str:
    """Returns the version that a program says."""
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return str(re.findall(r"\d+\.\d+(?:\.\d+)?", said)[0])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_postgresql_is_of_the_major_that_tests_run_on(environment: str) -> None:
    """Events, plans and replication were tried on this one."""
    image = load(environment).one("Cluster", "ringfence-postgres")["spec"]["imageName"]
    tried = installed(str(find_postgres_package() / "pginstall18" / "bin" / "postgres"), "--version")
    assert image.partition(":")[2].partition(".")[0] == tried.partition(".")[0]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_openbao_is_the_one_that_tests_run_on(environment: str) -> None:
    """The server's image, and that of the container beside it."""
    server = load(environment).values["openbao"]["server"]
    tried = installed(str(find_bao()), "version")
    assert server["image"]["tag"] == tried
    assert [each["image"].rpartition(":")[2] for each in server["extraContainers"]] == [tried]
