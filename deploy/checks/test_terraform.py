"""infra/terraform: what its text must say, and what Terraform itself says of it where it can be had."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.checks.changes import Change, replaced
from deploy.checks.infra.hcl import ROOT, TERRAFORM, TOOLS, environment, read, read_folder, resources
from deploy.checks.infra.terraform import find_terraform

MODULES = sorted(path.parent for path in TERRAFORM.glob("modules/**/main.tf"))
FOLDERS = MODULES + sorted(path.parent for path in TERRAFORM.glob("envs/*/main.tf"))
TERRAFORM_HERE = find_terraform()
NO_ACCOUNT = "000000000000"
REGISTER_POLICY = "What identity may do in the register of the erased: list, read and add. Nobody deletes there."
"""As it was first: with another description a policy is destroyed and made anew, which fails where it is attached."""


def problems(root: Path) -> list[str]:
    """Returns what is wrong with the modules below a folder, one line each."""
    read(root)
    found = []
    for folder in FOLDERS:
        name = str(folder.relative_to(TERRAFORM))
        for problem in [*_untested(root / name), *_strange_sources(root / name), *_undescribed(root / name)]:
            found.append(f"{name}: {problem}")
    return [*found, *_said_in_clear(root), *_unsafe(root)]


def _untested(folder: Path) -> list[str]:
    """Every condition on a variable has a run that must fail by it; a folder has a run that must not."""
    runs = [body for each in read_folder(folder, "*.tftest.hcl").get("run", []) for body in each.values()]
    failing = {name for body in runs for name in re.findall(r"var\.(\w+)", json.dumps(body.get("expect_failures", [])))}
    conditions = {
        name
        for each in read_folder(folder).get("variable", [])
        for name, body in each.items()
        if body.get("validation")
    }
    found = [f"no run fails by the condition of {name}" for name in sorted(conditions - failing)]
    return found if any("expect_failures" not in body for body in runs) else [*found, "no run succeeds"]


def _strange_sources(folder: Path) -> list[str]:
    """Only our own modules, and one provider by its short name, in bounds."""
    blocks = read_folder(folder)
    found = [
        f"module {name} is from {source}"
        for each in blocks.get("module", [])
        for name, body in each.items()
        for source in body["source"]
        if not (folder / source).is_dir()
    ]
    [terraform] = blocks["terraform"]
    [providers] = terraform["required_providers"]
    [provider] = providers.get("aws", [{}])
    if (provider.get("source"), bool(provider.get("version")), list(providers)) != ("hashicorp/aws", True, ["aws"]):
        found.append("another provider than hashicorp/aws, or without a version")
    return found


def _undescribed(folder: Path) -> list[str]:
    blocks = read_folder(folder)
    named = [item for kind in ("variable", "output") for each in blocks.get(kind, []) for item in each.items()]
    return [f"{name} is not described" for name, body in named if not body.get("description")]


def _said_in_clear(root: Path) -> list[str]:
    """No account, no key of AWS, no host of a registry, no check that is passed over."""
    forbidden = rf"\b(?!{NO_ACCOUNT})[0-9]{{12}}\b|\bA[KS]IA[A-Z0-9]{{16}}\b|registry\.|(?i:checkov:skip|password)"
    return [
        f"{file.relative_to(root)} says {match[0]}"
        for file in sorted(root.rglob("*"))
        if file.suffix in {".tf", ".hcl", ".md"}
        for match in re.finditer(forbidden, file.read_text(encoding="utf-8"))
    ]


def _unsafe(root: Path) -> list[str]:
    """What is fixed in the text, so that no variable can change it."""
    kms, bucket, network, cluster = (
        read_folder(root / "modules" / name) for name in ("kms", "backup/bucket", "network", "cluster")
    )
    policies = dict(resources(read_folder(root / "modules" / "register"), "aws_iam_policy"))
    [(_, key)] = resources(kms, "aws_kms_key")
    [(_, public)] = resources(bucket, "aws_s3_bucket_public_access_block")
    [(_, lock)] = resources(bucket, "aws_s3_bucket_object_lock_configuration")
    [(_, versions)] = resources(bucket, "aws_s3_bucket_versioning")
    [(_, template)] = resources(cluster, "aws_launch_template")
    [(_, nodes)] = resources(cluster, "aws_eks_node_group")
    [(_, administrators)] = resources(cluster, "aws_eks_access_policy_association")
    addons = dict(resources(cluster, "aws_eks_addon"))
    subnets = [body for _, body in resources(network, "aws_subnet")]
    facts = {
        "the key does not rotate": key["enable_key_rotation"] == [True],
        "the key is of one region": key["multi_region"] == [True],
        "the key can be destroyed": key["lifecycle"][0]["prevent_destroy"] == [True],
        "the bucket can be public": all(
            public[name] == [True]
            for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        ),
        "the lock can be lifted": lock["rule"][0]["default_retention"][0]["mode"] == ["COMPLIANCE"],
        "there are no versions": versions["versioning_configuration"][0]["status"] == ["Enabled"],
        "a node gives its role to pods": template["metadata_options"][0]["http_put_response_hop_limit"] == [1],
        "a zone has no nodes of its own": nodes["for_each"] == ["${var.subnets}"],
        "an administrator's rights are given before the administrator is known": administrators["principal_arn"]
        == ["${aws_eks_access_entry.administrator[each.key].principal_arn}"],
        "nodes come before their network": "${aws_eks_addon.before_nodes}" in nodes["depends_on"][0],
        "an add-on is waited for before there is a node": "${aws_eks_node_group.zone}"
        in addons["on_nodes"]["depends_on"][0],
        "a policy that is attached would be made anew": {name: body["description"] for name, body in policies.items()}
        == {"service": [REGISTER_POLICY]},
        "a subnet gives out public addresses": all(each["map_public_ip_on_launch"] == [False] for each in subnets),
    }
    return [problem for problem, holds in facts.items() if not holds]


def test_every_module_is_in_order() -> None:
    """Conditions have failing runs, sources are ours, everything is described, and what must be fixed is."""
    assert len(MODULES) == 8
    assert len(FOLDERS) == 10
    assert problems(TERRAFORM) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (replaced("modules/network/network.tftest.hcl", "[var.zones]", "[var.cidr]"), "condition of zones"),
        (replaced("modules/kms/kms.tftest.hcl", "[var.rotation_days]", "[var.services]"), "of rotation_days"),
        (replaced("modules/backup/backup.tftest.hcl", "[var.readers]", "[var.name]"), "condition of readers"),
        (replaced("envs/three-zones/main.tf", "../../modules/network", "terraform-aws-modules/vpc/aws"), "is from"),
        (replaced("modules/kms/versions.tf", "hashicorp/aws", "example/aws"), "another provider"),
        (replaced("modules/kms/outputs.tf", "description", "# description"), "not described"),
        (replaced("modules/kms/kms.tftest.hcl", NO_ACCOUNT, "123456789012"), "says 123456789012"),
        (replaced("modules/kms/versions.tf", "hashicorp/aws", "registry.example.org/hashicorp/aws"), "registry."),
        (replaced("modules/backup/bucket/main.tf", "resource", "# checkov:skip=X\nresource"), "checkov:skip"),
        (replaced("modules/kms/main.tf", "enable_key_rotation     = true", "enable_key_rotation = false"), "rotate"),
        (replaced("modules/kms/main.tf", "multi_region            = true", "multi_region = false"), "one region"),
        (replaced("modules/kms/main.tf", "prevent_destroy = true", "prevent_destroy = false"), "be destroyed"),
        (replaced("modules/backup/bucket/main.tf", "restrict_public_buckets = true", ""), "public"),
        (replaced("modules/backup/bucket/main.tf", '"COMPLIANCE"', '"GOVERNANCE"'), "lifted"),
        (replaced("modules/backup/bucket/main.tf", 'status = "Enabled"', 'status = "Suspended"'), "no versions"),
        (replaced("modules/cluster/nodes.tf", "hop_limit = 1", "hop_limit = 2"), "role to pods"),
        (replaced("modules/cluster/nodes.tf", "for_each = var.subnets", "for_each = { a = 1 }"), "of its own"),
        (
            replaced(
                "modules/cluster/main.tf", "aws_eks_access_entry.administrator[each.key].principal_arn", "each.value"
            ),
            "before the administrator is known",
        ),
        (replaced("modules/cluster/nodes.tf", ", aws_eks_addon.before_nodes]", "]"), "before their network"),
        (replaced("modules/cluster/addons.tf", "[aws_eks_node_group.zone, ", "["), "before there is a node"),
        (replaced("modules/register/main.tf", "Nobody deletes there.", "Nobody deletes."), "be made anew"),
        (replaced("modules/network/main.tf", "_on_launch = false", "_on_launch = true"), "public addresses"),
    ],
)
def test_a_module_out_of_order_is_found(tmp_path: Path, change: Change, problem: str) -> None:
    """What the check is for."""
    shutil.copytree(TERRAFORM, tmp_path / "terraform")
    change(tmp_path / "terraform")
    try:
        found = problems(tmp_path / "terraform")
    except KeyError as missing:
        found = [f"public: {missing} is not there"]
    assert any(problem in each for each in found), found


def _checkov(folder: Path) -> dict[str, int]:
    command: list[str | Path] = [
        TOOLS / "checkov",
        "-d",
        folder,
        "--framework",
        "terraform",
        "-o",
        "json",
        "--soft-fail",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    summary: dict[str, int] = json.loads(done.stdout)["summary"]
    return {name: summary[name] for name in ("passed", "failed", "skipped", "parsing_errors")}


def test_checkov_finds_nothing() -> None:
    """No rule fails and none is passed over."""
    summary = _checkov(TERRAFORM)
    assert summary.pop("passed") > 100
    assert summary == {"failed": 0, "skipped": 0, "parsing_errors": 0}


def test_checkov_looks(tmp_path: Path) -> None:
    """Keys that do not rotate fail one of its rules."""
    shutil.copytree(TERRAFORM, tmp_path / "terraform")
    replaced("modules/kms/main.tf", "enable_key_rotation     = true", "enable_key_rotation = false")(
        tmp_path / "terraform"
    )
    assert _checkov(tmp_path / "terraform")["failed"] > 0


def test_the_table_maps_every_module() -> None:
    """The README says of every module and resource folder what it is on Alibaba Cloud."""
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\|.*\S.*\|$", (TERRAFORM / "README.md").read_text(encoding="utf-8"), re.M)
    assert set(rows) == {path.name for path in (TERRAFORM / "modules").iterdir()}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(TERRAFORM)))
def test_terraform_agrees(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Terraform is: the module is valid and each of its runs ends as it must. Says where it is not."""
    read(folder)
    runs = [name for each in read_folder(folder, "*.tftest.hcl")["run"] for name in each]
    if TERRAFORM_HERE is None:
        said = f"did not run: no terraform with its provider here; {len(runs)} runs were read, not made"
    else:
        shutil.copytree(TERRAFORM, tmp_path / "terraform")
        copy = tmp_path / "terraform" / folder.relative_to(TERRAFORM)
        said = TERRAFORM_HERE.check(copy, tmp_path / "data").strip().splitlines()[-1]
        assert said == f"Success! {len(runs)} passed, 0 failed."
    with capsys.disabled():
        print(f"\nterraform in {folder.relative_to(ROOT)}: {said}")


def test_terraform_refuses_what_it_must(tmp_path: Path) -> None:
    """A condition that is gone is missed, and a file out of format is named; without Terraform, by its text alone."""
    shutil.copytree(TERRAFORM, tmp_path / "terraform")
    root = tmp_path / "terraform"
    replaced("modules/kms/variables.tf", "var.rotation_days >= 90", "var.rotation_days >= 0")(root)
    if TERRAFORM_HERE is None:
        assert "rotation_days >= 90" in (TERRAFORM / "modules/kms/variables.tf").read_text(encoding="utf-8")
        return
    with pytest.raises(subprocess.CalledProcessError) as refused:
        TERRAFORM_HERE.check(root / "modules/kms", tmp_path / "data")
    assert 'run "rotation_off_is_refused"... fail' in refused.value.stdout
    assert TERRAFORM_HERE.run(TERRAFORM, tmp_path, "fmt", "-check", "-recursive") == ""
    replaced("modules/kms/main.tf", "multi_region            = true", "multi_region = true")(root)
    with pytest.raises(subprocess.CalledProcessError):
        TERRAFORM_HERE.run(root, tmp_path, "fmt", "-check", "-recursive")
