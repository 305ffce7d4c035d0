"""The environment contract: what the chart gives a container is what its program reads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import yaml
from ringfence_kernel.store.settings import MigrationSettings
from ringfence_kernel.values.settings import InvalidSetting, MissingSetting, Number

from deploy.checks.chart import contract
from deploy.checks.chart.rendering import (
    CHART,
    NAMESPACE,
    VALUE_SETS,
    Object,
    Pod,
    environment,
    named,
    objects,
    parse,
    pods,
    render,
)

SERVING = [values for values in VALUE_SETS if values.stem != "standing-by"]
OPTIONAL = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "RINGFENCE_BOOTSTRAP_PRINCIPALS_FILE",
    "RINGFENCE_CERTIFICATE_NAMES",
    "RINGFENCE_CONSOLE_LISTEN",
    "RINGFENCE_DATABASE_PASSWORD_FILE",
    "RINGFENCE_DRAIN_SECONDS",
    "RINGFENCE_HEALTH_LISTEN",
    "RINGFENCE_LEAVE_SECONDS",
    "RINGFENCE_LOG_ORIGIN",
    "RINGFENCE_METRICS_LISTEN",
    "RINGFENCE_NATS_CACERT",
    "RINGFENCE_PIN_STATEMENTS_FILE",
    "RINGFENCE_RAIL_CREDENTIALS_DIRECTORY",
    "RINGFENCE_RAIL_S3_CACERT",
    "RINGFENCE_ERASURE_REGISTER_S3_CACERT",
    "RINGFENCE_RAIL_S3_ENDPOINT",
    "RINGFENCE_ERASURE_REGISTER_S3_ENDPOINT",
    "RINGFENCE_RAIL_S3_PREFIX",
    "RINGFENCE_RAIL_S3_REGION",
    "RINGFENCE_ERASURE_REGISTER_S3_REGION",
    "RINGFENCE_SNAPSHOT_DIRECTORY",
    "RINGFENCE_TILES_LISTEN",
    "RINGFENCE_VAULT_AUTH_MOUNT",
    "VAULT_CACERT",
}
"""What the chart gives and a service starts without; a setting that the site gives is one as well."""
NOT_OFFERED = {
    "RINGFENCE_NATS_USER": "NATS knows a service by its certificate",
    "RINGFENCE_NATS_PASSWORD_FILE": "likewise",
    "RINGFENCE_VAULT_ROLE_ID": "a pod starts without a human: it shows its token",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "likewise",
    "RINGFENCE_DAYS_STEPPED": "days open by the clocks but in a sandbox",
    "RINGFENCE_CONSOLE_HOSTS": "a site's own: under `services.audit.settings`",
    "RINGFENCE_WITNESS_POLICY": "a site's own: under `services.audit.settings`",
    "RINGFENCE_WITNESS_QUORUM": "likewise",
    "RINGFENCE_ERASURE_REGISTER_LOCK": "likewise",
    "RINGFENCE_WITNESS_CACERT": "a chart mounts no file of a site's own: a witness shows a certificate that all trust",
    "RINGFENCE_RETENTION_FILE": "a chart mounts no file of a site's own: the periods that ship are the law's",
}


def container_of(all_objects: list[Object], service: str) -> tuple[Pod, Object]:
    """Returns the pod of a service, and the container that serves."""
    [pod] = [each for each in pods(all_objects) if each.owner == named(all_objects, "StatefulSet", service)]
    [container] = pod.spec["containers"]
    return pod, container


def settings_given(values: Path, service: str) -> set[str]:
    """Returns the variables that a value set gives as settings."""
    return set(parse(values.read_text(encoding="utf-8"))[0]["services"].get(service, {}).get("settings", {}))


@pytest.mark.parametrize("service", contract.SERVICES)
@pytest.mark.parametrize("values", SERVING, ids=lambda values: values.stem)
def test_a_container_finds_what_its_service_reads(values: Path, service: str, tmp_path: Path) -> None:
    """Settings are read from the rendered environment: no variable is unknown, and every file is there."""
    pod, container = container_of(objects(values), service)
    contract.files(pod, container, tmp_path)
    environ = contract.found_by(pod, container, tmp_path)
    settings = contract.start(service, environ)
    known = set(contract.variables(contract.settings_of(service))) | contract.BY_DOWNWARD_API
    assert set(environ) - known == set()
    missing = [name for name, value in environ.items() if value.startswith(str(tmp_path)) and not Path(value).exists()]
    assert missing == []
    assert settings.service == service
    assert settings.certificate_names[0].startswith(f"{service}-0.{service}.")


@pytest.mark.parametrize("service", contract.SERVICES)
@pytest.mark.parametrize("values", SERVING, ids=lambda values: values.stem)
def test_each_variable_taken_away_is_named_at_the_start(values: Path, service: str, tmp_path: Path) -> None:
    """A service refuses to start without a variable that it needs, and says which."""
    pod, container = container_of(objects(values), service)
    contract.files(pod, container, tmp_path)
    environ = contract.found_by(pod, container, tmp_path)
    not_noticed = []
    for name in set(environ) - OPTIONAL - contract.BY_DOWNWARD_API - settings_given(values, service):
        try:
            contract.start(service, {key: value for key, value in environ.items() if key != name})
        except (MissingSetting, InvalidSetting) as refusal:
            if name in str(refusal):
                continue
        not_noticed.append(name)
    assert not_noticed == []


@pytest.mark.parametrize("service", contract.SERVICES)
def test_peers_are_those_that_the_code_asks_for(service: str) -> None:
    """The architecture of the chart and the code of the services name the same edges."""
    _, container = container_of(objects(CHART / "ci" / "minimal.yaml"), service)
    given = {each["name"] for each in container["env"] if each["name"].endswith("_ADDRESS")}
    assert given == {f"RINGFENCE_{peer.upper().replace('-', '_')}_ADDRESS" for peer in contract.peers_of(service)}


@pytest.mark.parametrize("service", contract.SERVICES)
def test_every_setting_can_be_given(service: str) -> None:
    """What a service reads, some value of the chart gives; and what the schema lets a site set, the service reads."""
    read_by_service = set(contract.variables(contract.settings_of(service)))
    schema = parse((CHART / "values.schema.json").read_text(encoding="utf-8"))[0]
    can_be_set = set(schema["properties"]["services"]["properties"][service]["properties"]["settings"]["properties"])
    assert can_be_set - read_by_service == set()
    given: set[str] = set()
    for values in SERVING:
        _, container = container_of(objects(values), service)
        given |= {each["name"] for each in container["env"]}
    peers = {f"RINGFENCE_{peer.upper().replace('-', '_')}_ADDRESS" for peer in contract.SERVICES}
    assert read_by_service - can_be_set - given - set(NOT_OFFERED) - peers == set()


@pytest.mark.parametrize("service", contract.SERVICES)
def test_a_number_that_is_bounded_is_bounded_in_the_schema(service: str) -> None:
    """What a service would refuse at its start, no release is made of."""
    schema = parse((CHART / "values.schema.json").read_text(encoding="utf-8"))[0]
    settings = schema["properties"]["services"]["properties"][service]["properties"]["settings"]["properties"]
    kinds = {name: schema["$defs"][each["$ref"].rpartition("/")[2]] for name, each in settings.items()}
    hints = get_type_hints(contract.settings_of(service), include_extras=True).values()
    numbers = [each for hint in hints for each in get_args(hint) if isinstance(each, Number)]
    bounds = {each.name: (each.least, each.most) for each in numbers if each.name in kinds}
    assert bounds
    assert {name: (kinds[name]["minimum"], kinds[name]["maximum"]) for name in bounds} == bounds


@pytest.mark.parametrize("service", contract.SERVICES)
@pytest.mark.parametrize("values", SERVING, ids=lambda values: values.stem)
def test_migrations_find_what_they_read(values: Path, service: str, tmp_path: Path) -> None:
    """`migrate` has the owner's role, reads all that it is given, and names what is taken away."""
    job = named(objects(values), "Job", f"{service}-migrate-")
    [pod] = pods([job])
    [container] = pod.spec["containers"]
    contract.files(pod, container, tmp_path)
    environ = contract.found_by(pod, container, tmp_path)
    settings = contract.migrate(environ)
    assert settings.application_role() == f"{service.replace('-', '_')}_app"
    assert set(environ) - set(contract.variables(MigrationSettings)) == set()
    for name in set(environ) - {"RINGFENCE_OWNER_DATABASE_PASSWORD_FILE"}:
        with pytest.raises(MissingSetting, match=name):
            contract.migrate({key: value for key, value in environ.items() if key != name})


@pytest.mark.parametrize("service", contract.SERVICES)
def test_no_serving_pod_holds_the_owner(service: str) -> None:
    """A pod that serves, and what waits in it for the schema, knows the role alone that owns nothing."""
    pod, _ = container_of(objects(CHART / "ci" / "three-zones.yaml"), service)
    assert "owner" not in str(pod.spec).lower()
    [waiting] = pod.spec["initContainers"]
    assert waiting["args"][:2] == ["migrate", "--wait"]
    assert {each["name"] for each in waiting["env"]} <= set(contract.variables(contract.settings_of(service)))


def test_an_unknown_variable_is_found(tmp_path: Path) -> None:
    """What the check is for: a variable that no service reads is not in its settings."""
    pod, container = container_of(objects(CHART / "ci" / "minimal.yaml"), "custody")
    container["env"].append({"name": "RINGFENCE_DRAIN", "value": "1"})
    contract.files(pod, container, tmp_path)
    environ = contract.found_by(pod, container, tmp_path)
    assert set(environ) - set(contract.variables(contract.settings_of("custody"))) >= {"RINGFENCE_DRAIN"}


def test_a_setting_reaches_its_service(tmp_path: Path) -> None:
    """A number given by the site arrives as it was written: YAML's are floating, and a large one turns into 2.5e+06."""
    settings = (
        "services: {custody: {settings: {RINGFENCE_STATEMENT_LAG_TRANSFERS: 2500000, RINGFENCE_BACKLOG_SECONDS: 0.05}}}"
    )
    values = tmp_path / "values.yaml"
    values.write_text(f"{(CHART / 'ci' / 'minimal.yaml').read_text(encoding='utf-8')}\n", encoding="utf-8")
    given = parse(values.read_text(encoding="utf-8"))[0]
    given["services"] |= parse(settings)[0]["services"]
    values.write_text(yaml.safe_dump(given), encoding="utf-8")
    _, container = container_of(parse(render(values)), "custody")
    found = {each["name"]: each.get("value") for each in container["env"]}
    assert found["RINGFENCE_STATEMENT_LAG_TRANSFERS"] == "2500000"
    assert found["RINGFENCE_BACKLOG_SECONDS"] == "0.05"


@pytest.mark.parametrize("values", ["three-zones", "outside"])
def test_bootstrap_is_told_what_the_services_are_given(values: str) -> None:
    """Namespace, trust domain, way of logging in and pods' names in the description are those of the environment."""
    rendered = objects(CHART / "ci" / f"{values}.yaml")
    described = tomllib.loads(named(rendered, "ConfigMap", "ringfence-bootstrap")["data"]["description.toml"])
    assert described["namespace"] == NAMESPACE
    assert set(described["services"]) == set(contract.SERVICES)
    for service, said in described["services"].items():
        pod, container = container_of(rendered, service)
        environ = environment(container, f"{service}-0")
        login = described["login"]
        assert described["trust_domain"] == environ["RINGFENCE_TRUST_DOMAIN"]
        assert login["method"] == environ["RINGFENCE_VAULT_AUTH"]
        assert login["mount"] == environ.get("RINGFENCE_VAULT_AUTH_MOUNT", login["method"])
        assert f"'audience': '{login['audience']}'" in str(pod.spec["volumes"])
        assert said["processes"] == pod.owner["spec"]["replicas"]
        assert (environ["RINGFENCE_VAULT_ROLE"], pod.spec["serviceAccountName"]) == (service, service)
