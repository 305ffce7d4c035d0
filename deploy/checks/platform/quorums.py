"""What an environment's PostgreSQL, NATS and OpenBao must say so that a zone can be lost, as problems in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.checks.infra.hcl import parse
from deploy.checks.platform.files import PRODUCTION, Platform

ZONE = "topology.kubernetes.io/zone"
SERVICES = ("identity", "custody", "payment-instruction", "audit")


def quorum_problems(platform: Platform) -> Iterator[str]:
    """Yields what is wrong with the three stores."""
    yield from _postgres(platform)
    yield from _nats(platform)
    yield from _openbao(platform)


def _postgres(platform: Platform) -> Iterator[str]:
    spec = platform.one("Cluster", "ringfence-postgres")["spec"]
    production = platform.environment in PRODUCTION
    facts = {
        "clients may connect without TLS": not any(
            each.startswith("host ") for each in spec["postgresql"]["pg_hba"][:-1]
        ),
        "anybody else may connect": spec["postgresql"]["pg_hba"][-1] == "host all all all reject",
        "the server's certificate is the operator's": bool(spec["certificates"]["serverTLSSecret"]),
    }
    if production:
        own, other = ("first", "second") if platform.environment == "three-zones" else ("second", "first")
        archive = [each for each in spec["plugins"] if each["isWALArchiver"]]
        facts |= {
            "not three instances": spec["instances"] == 3,
            "a commit waits for nobody": spec["postgresql"].get("synchronous")
            == {"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": True},
            "two instances in one zone": spec["affinity"]
            == {"enablePodAntiAffinity": True, "podAntiAffinityType": "required", "topologyKey": ZONE},
            "volumes are not zonal": {spec[each]["storageClass"] for each in ("storage", "walStorage")}
            == {"ringfence-zonal"},
            "not Guaranteed": spec["resources"]["requests"] == spec["resources"]["limits"],
            "an isolated primary goes on": spec["probes"]["liveness"]["isolationCheck"] == {"enabled": True},
            "nothing is archived": [each["parameters"]["serverName"] for each in archive] == [own],
            "the archive waits": spec["postgresql"]["parameters"]["archive_timeout"] == "60s",
            "the regions do not know each other": {each["name"] for each in spec["externalClusters"]}
            == {"first", "second"},
            "the wrong region writes": spec["replica"] == {"self": own, "primary": "first", "source": other},
            "started from the wrong place": set(spec["bootstrap"])
            == {"initdb" if platform.environment == "three-zones" else "recovery"},
        }
    yield from (f"postgres: {problem}" for problem, holds in facts.items() if not holds)
    yield from _roles(spec, platform)


def _roles(spec: Mapping[str, Any], platform: Platform) -> Iterator[str]:
    """Every service has its database with the roles that our chart uses, and reaches no other."""
    roles = {each["name"]: each["passwordSecret"]["name"] for each in spec["managed"]["roles"]}
    for service in SERVICES:
        name = service.replace("-", "_")
        expected = {f"{name}_{kind}": f"{service}-database-{kind}" for kind in ("owner", "app")}
        if not expected.items() <= roles.items():
            yield f"postgres: {service} lacks a role"
        if f"hostssl {name} {name}_owner,{name}_app all scram-sha-256" not in spec["postgresql"]["pg_hba"]:
            yield f"postgres: {service} does not reach its database, or others do"
        databases = [each["spec"] for each in platform.of_kind("Database") if each["metadata"]["name"] == service]
        expected_database = {
            "cluster": {"name": "ringfence-postgres"},
            "name": name,
            "owner": f"{name}_owner",
            "databaseReclaimPolicy": "retain",
        }
        if platform.environment != "second-region" and databases != [expected_database]:
            yield f"postgres: {service} lacks its database"


def _nats(platform: Platform) -> Iterator[str]:
    values = platform.values["nats"]
    config = values["config"]
    facts = {
        "a write is acknowledged before it is on disk": config["jetstream"]["merge"] == {"sync_interval": "always"},
        "streams are in memory": config["jetstream"]["memoryStore"] == {"enabled": False},
        "clients are not known by certificate": config["nats"]["tls"]["enabled"] is True
        and config["nats"]["tls"]["merge"] == {"verify_and_map": True},
        "nobody is authorised": config["merge"] == {"$include": "../nats-accounts/accounts.json"},
        "the accounts are not mounted": "/etc/nats-accounts" in str(values["container"]["patch"])
        and "nats-accounts" in str(values["podTemplate"]["patch"]),
        "there is a shell beside it": values["natsBox"] == {"enabled": False},
    }
    if platform.environment in PRODUCTION:
        spread = values["podTemplate"]["topologySpreadConstraints"][ZONE]
        facts |= {
            "not three servers": (config["cluster"]["enabled"], config["cluster"]["replicas"]) == (True, 3),
            "servers trust anybody": config["cluster"]["tls"]["enabled"] is True
            and config["cluster"]["tls"]["merge"]["verify"] is True,
            "two servers in one zone": spread == {"maxSkew": 1, "minDomains": 3, "whenUnsatisfiable": "DoNotSchedule"},
            "all may be drained at once": values["podDisruptionBudget"] == {"enabled": True},
            "volumes are not zonal": config["jetstream"]["fileStore"]["pvc"]["storageClassName"] == "ringfence-zonal",
        }
    yield from (f"nats: {problem}" for problem, holds in facts.items() if not holds)


def _openbao(platform: Platform) -> Iterator[str]:
    values = platform.values["openbao"]["server"]
    text = values["ha"]["raft"]["config"]
    config = parse(text)
    [listener] = [each["tcp"] for each in config["listener"]]
    facts = {
        "TLS is off": platform.values["openbao"]["global"]["tlsDisable"] is False and "tls_disable" not in listener,
        "TLS has no certificate": bool(listener.get("tls_cert_file")) and bool(listener.get("tls_key_file")),
        "standbys answer reads": config.get("disable_standby_reads") == [True],
        "pods are replaced unattended": values["updateStrategyType"] == "OnDelete",
        "nobody tells the server of a new certificate": values.get("shareProcessNamespace") is True
        and [each["name"] for each in values.get("extraContainers", [])] == ["reload"],
        "not raft": values["ha"]["raft"]["enabled"] is True and values["ha"]["enabled"] is True,
    }
    if platform.environment in PRODUCTION:
        [raft] = [each["raft"] for each in config["storage"]]
        joins = [each["leader_api_addr"][0] for each in raft.get("retry_join", [])]
        [seal] = config["seal"]
        [spread] = values["topologySpreadConstraints"]
        pods = [f"https://openbao-{number}.openbao-internal.openbao.svc:8200" for number in range(3)]
        facts |= {
            "not three servers": values["ha"]["replicas"] == 3,
            "a pod is not looked for": joins == pods,
            "our chart looks elsewhere": platform.ringfence["vault"]["addresses"] == pods,
            "joins without checking": all(each.get("leader_ca_cert_file") for each in raft.get("retry_join", [])),
            "opened by hand": set(seal) == {"awskms"} and bool(seal["awskms"].get("kms_key_id")),
            "nothing is written down": len(config.get("audit", [])) == 1,
            "two servers in one zone": (spread["topologyKey"], spread["minDomains"], spread["whenUnsatisfiable"])
            == (ZONE, 3, "DoNotSchedule"),
            "all may be drained at once": values["ha"]["disruptionBudget"] == {"enabled": True, "maxUnavailable": 1},
            "a volume goes with its claim": values["persistentVolumeClaimRetentionPolicy"]
            == {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "a pod redirects to the round-robin": bool(
                re.match(r"https://\$\(BAO_K8S_POD_NAME\)\.", values["ha"]["apiAddr"])
            ),
        }
    yield from (f"openbao: {problem}" for problem, holds in facts.items() if not holds)
