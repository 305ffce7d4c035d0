"""A whole service around the probe, run as a process by test_service: `python probe_process.py serve`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ringfence_kernel.access.standing import Standing
from ringfence_kernel.service import Assembly, Check, RebuildReport, Runtime, Service, Task, main
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.store import event_store_migrations

from tests.probe_service import Probe


async def assemble(runtime: Runtime[Settings]) -> Assembly:
    """Serves the probe; is well while Vault is."""
    probe = Probe()
    folder = Path(runtime.settings.database_url)
    runtime.resources.callback((folder / "closed").touch)

    async def fail_when_told() -> None:
        await probe.release.wait()
        raise RuntimeError("told to fail")

    return Assembly(
        servicers=[probe.servicer()],
        tasks=[Task("failing", fail_when_told, critical=True)],
        checks=[Check("vault", runtime.vault.problem)],
        token_keys=runtime.token_keys(),
        standing=Standing(lambda principal: False, lambda caller: False),
    )


def rebuild(settings: Settings, verify: bool) -> RebuildReport:
    """Finds a difference where a file says so."""
    is_broken = (Path(settings.database_url) / "broken").exists()
    return RebuildReport(events=3, differences={"state": 1 if is_broken and verify else 0})


if __name__ == "__main__":
    service = Service(
        name="custody", settings=Settings, assemble=assemble, migrations=event_store_migrations, rebuild=rebuild
    )
    raise SystemExit(main(service))
