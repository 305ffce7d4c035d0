"""Values that must not be taken, each refused by its sentence."""

from __future__ import annotations

import re

import pytest

from deploy.checks.chart.rendering import CHART, Refused, render

MINIMAL = CHART / "ci" / "minimal.yaml"
EVERY = "services.{}.replicas"
FEW: dict[str, object] = {EVERY.format(name): 1 for name in ("identity", "custody", "payment-instruction", "audit")}
RAIL = "services.payment-instruction.rail"
REGISTER = "services.identity.register"
ONE_ZONE: dict[str, object] = {"spread.zones": 2}
TWO = {"requests": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "5Gi"}}
UNEQUAL = TWO | {"limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "5Gi"}}

IN_PRODUCTION: list[tuple[dict[str, object], str]] = [
    (FEW, "services.custody.replicas is 1: with fewer than three a lost zone and a restart together stop it."),
    (
        {EVERY.format("custody"): 4},
        "services.custody.replicas is 4: an even number loses a zone no better than one less.",
    ),
    ({EVERY.format("audit"): 0}, "replicas are 0 for some services only: a region stands by with all of them, or none"),
    ({"image.digests.custody": ""}, "image.digests.custody is empty: a tag may point at another image tomorrow."),
    ({"database.sslmode": "require"}, "database.sslmode is require: only verify-full knows that it is our PostgreSQL"),
    ({"database.sslmode": "verify-ca"}, "database.sslmode is verify-ca: only verify-full knows"),
    (
        {"database.hosts": []},
        "database.hosts is empty, and so is services.audit.database.hosts: audit has no database.",
    ),
    ({"spread.zones": 2}, "spread.zones is 2: with fewer than three a lost zone takes a majority"),
    ({"image.repository": ""}, "image.repository is empty: say where this site keeps the images."),
    ({"trust.domain": ""}, "trust.domain is empty: certificates are told apart by it."),
    ({"vault.addresses": []}, "vault.addresses is empty: services have their certificates and keys from Vault."),
    ({"nats.urls": []}, "nats.urls is empty: followers are rung through NATS."),
    ({"services.audit.logOrigin": ""}, "services.audit.logOrigin is empty: it names the log for ever"),
    ({"vault.addresses": ["http://vault.vault.svc:8200"]}, "a token must not travel in clear."),
    ({"nats.urls": ["nats://nats.nats.svc:4222"]}, "NATS knows a service by its certificate."),
    ({"database.hosts": ["db.example.org"]}, "database.cidrs is empty, but db.example.org is outside the cluster"),
    ({"vault.addresses": ["https://v.example.org"]}, "vault.cidrs is empty, but v.example.org is outside the cluster"),
    ({"nats.urls": ["tls://n.example.org:4222"]}, "nats.cidrs is empty, but n.example.org is outside the cluster"),
    (
        {"telemetry.otlpEndpoint": "https://c.example.org:4317"},
        "telemetry.cidrs is empty, but c.example.org is outside",
    ),
    (
        {f"{RAIL}.cidrs": []},
        "services.payment-instruction.rail.cidrs is empty, but s3.us-east-1.amazonaws.com is outside",
    ),
    ({f"{RAIL}.bucket": ""}, "rail needs bucket and accessKeyId: messages to the bank lie there."),
    ({f"{RAIL}.accessKeyId": ""}, "rail needs bucket and accessKeyId: messages to the bank lie there."),
    (
        {f"{RAIL}.bucket": "", f"{RAIL}.spoolClaim": "bank"},
        "a volume is lost with its zone, and payments directed to the bank",
    ),
    ({f"{RAIL}.spoolClaim": "bank"}, "rail has both bucket and spoolClaim: messages lie in one place."),
    ({f"{REGISTER}.bucket": ""}, "register needs bucket and accessKeyId: who was erased stands there."),
    ({f"{REGISTER}.accessKeyId": ""}, "register needs bucket and accessKeyId: who was erased stands there."),
    ({f"{REGISTER}.claim": "register"}, "register has both bucket and claim: who was erased stands in one place."),
    (
        {f"{REGISTER}.bucket": "", f"{REGISTER}.claim": "register"},
        "a volume is restored or lost with the databases, and the erased come back.",
    ),
    (
        {f"{REGISTER}.cidrs": []},
        "services.identity.register.cidrs is empty, but s3.us-east-1.amazonaws.com is outside",
    ),
    ({"services.custody.resources": UNEQUAL}, "services.custody.resources: requests and limits differ"),
    (
        {"services.audit.snapshotsSize": "2Gi"},
        "services.audit.snapshotsSize is 2Gi: with 64Mi of /tmp it must stay below",
    ),
    (
        {"services.audit.snapshotsSize": "1984Mi"},
        "below the limit of ephemeral storage, 2Gi, or kubelet evicts the pod",
    ),
    ({"services.audit.snapshotsSize": "2080374784"}, "services.audit.snapshotsSize is 2080374784: with 64Mi of /tmp"),
    ({"bootstrap.vault.enabled": True}, "image.digests.bootstrap is empty, but bootstrap.vault is on."),
    ({"bootstrap.nats.enabled": True}, "image.digests.bootstrap is empty, but bootstrap.nats is on."),
    ({"tests.payment.enabled": True}, "tests.payment needs logKey, debtorIban, creditorIban and creditorName."),
    ({"tests.payment.enabled": True}, "image.digests.client is empty, but tests.payment is on."),
]
BY_SCHEMA: list[tuple[dict[str, object], str]] = [
    ({"services.custody.replica": 3}, "'replica' not allowed"),
    ({"extraEnv": []}, "'extraEnv' not allowed"),
    ({"services.ledger": {}}, "'ledger' not allowed"),
    ({"services.custody.settings": {"RINGFENCE_DRAIN_SECOND": 1}}, "'RINGFENCE_DRAIN_SECOND' not allowed"),
    (
        {"services.payment-instruction.settings": {"RINGFENCE_DUPLICATE_DAYS": 32}},
        "/services/payment-instruction/settings/RINGFENCE_DUPLICATE_DAYS",
    ),
    ({"services.custody.settings": {"RINGFENCE_SNAPSHOT_SECONDS": 0}}, "/settings/RINGFENCE_SNAPSHOT_SECONDS"),
    ({"services.custody.settings": {"RINGFENCE_APPROVAL_LIMITS": ""}}, "'RINGFENCE_APPROVAL_LIMITS' not allowed"),
    ({"image.tag": "latest"}, "/image/tag"),
    ({"image.digests.custody": "sha256:12"}, "/image/digests/custody"),
    ({"image.repository": "https://images.example.org"}, "/image/repository"),
    ({"database.sslmode": "verify"}, "/database/sslmode"),
    ({"database.password": "x"}, "'password' not allowed"),
    ({"vault.token": "x"}, "'token' not allowed"),
    ({"vault.auth": "approle"}, "/vault/auth"),
    ({"vault.mount": "auth/kubernetes"}, "/vault/mount"),
    ({"profile": "test"}, "/profile"),
    ({EVERY.format("custody"): -1}, "/services/custody/replicas"),
    ({EVERY.format("custody"): "3"}, "/services/custody/replicas"),
    ({"services.custody.resources": None}, "missing property 'resources'"),
    ({f"{RAIL}.endpoint": "http://bucket.svc"}, "/services/payment-instruction/rail/endpoint"),
    ({"network.callers": [{}]}, "/network/callers/0"),
    ({"network.mirrors": [{}]}, "/network/mirrors/0"),
    ({"network.readers": [{}]}, "/network/readers/0"),
    ({"upgrade.held": ["ledger"]}, "/upgrade/held/0"),
    ({"monitoring.runbooks": "docs/runbooks/"}, "/monitoring/runbooks"),
    ({"monitoring.runbooks": "https://pages.example.org/runbooks/"}, "/monitoring/runbooks"),
]


def refusal(overrides: dict[str, object]) -> str:
    """Returns what is said of the least that production takes, changed; words are apart by one space."""
    with pytest.raises(Refused) as refused:
        render(MINIMAL, overrides)
    return re.sub(r"\s+", " ", str(refused.value))


@pytest.mark.parametrize(("overrides", "sentence"), IN_PRODUCTION)
def test_production_refuses(overrides: dict[str, object], sentence: str) -> None:
    """What would cost money or nights is said in a sentence."""
    assert sentence in refusal(overrides)


@pytest.mark.parametrize(("overrides", "where"), BY_SCHEMA)
def test_the_schema_refuses(overrides: dict[str, object], where: str) -> None:
    """What is misspelt, of another type, or a secret is refused by its place."""
    assert where in refusal(overrides)


@pytest.mark.parametrize("size", ["1983Mi", "1.9Gi", "2080374783", "1900000Ki"])
def test_snapshots_that_fit_are_taken(size: str) -> None:
    """The bound is the pod's own: what is a byte below it is not refused, in whatever unit."""
    assert f"sizeLimit: {size}" in render(MINIMAL, {"services.audit.snapshotsSize": size})


def test_all_is_said_at_once() -> None:
    """Whoever mends values does it once."""
    said = refusal({"image.digests.custody": "", "database.sslmode": "require", "trust.domain": ""})
    assert said.count("- ") >= 3
    assert all(word in said for word in ("image.digests.custody", "database.sslmode", "trust.domain"))


def test_every_sentence_of_the_chart_is_tested() -> None:
    """A refusal that no test provokes could be one that no value can."""
    template = (CHART / "templates" / "validations.yaml").read_text(encoding="utf-8")
    sentences = re.findall(r'append \$problems \(?(?:printf )?"([^"]+)"', template)
    assert len(sentences) > 20
    said = " ".join(refusal(overrides) for overrides, _ in IN_PRODUCTION)
    never = [each for each in sentences if not re.search(re.sub(r"%[sv]", ".+?", re.escape(each)), said)]
    assert never == []


def test_development_takes_what_production_refuses() -> None:
    """The rules are the profile's: one process, a tag, no check of the server's name."""
    overrides = {
        "profile": "development",
        "database.sslmode": "require",
        "image.digests.custody": "",
        **FEW,
        **ONE_ZONE,
    }
    assert "kind: StatefulSet" in render(MINIMAL, overrides)
