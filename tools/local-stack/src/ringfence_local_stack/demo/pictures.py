"""Pictures of six pages of the console over the demo's data, where there is a Chromium to draw them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ringfence.payments import InstructionStatus

from ringfence_local_stack.demo.payments import Followed
from ringfence_local_stack.sandbox.looking import regulators_console
from ringfence_local_stack.sandbox.sandbox import Sandbox

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 30.0
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,1100"),
    "--virtual-time-budget=3000",
)


def draw(box: Sandbox, followed: list[Followed], index: int, folder: Path) -> list[Path]:
    """Draws pages into a folder as the regulator sees them; nothing without a browser, or where they are drawn."""
    browser = next((found for each in BROWSERS if (found := shutil.which(each))), None)
    pages = {folder / f"{name}.png": path for name, path in _pages(followed, index).items()}
    if browser is None or all(file.exists() for file in pages):
        return []
    folder.mkdir(parents=True, exist_ok=True)
    links: list[str] = []
    with regulators_console(box, links.append) as admission, tempfile.TemporaryDirectory() as profile:
        for file, path in pages.items():
            link = f"{links[-1]}&to={quote(path, safe='')}"
            options = (*_OPTIONS, f"--user-data-dir={profile}", f"--screenshot={file}")
            subprocess.run([browser, *options, link], capture_output=True, timeout=_SECONDS, check=False)
            admission.renew()
    return [file for file in pages if file.exists()]


def _pages(followed: list[Followed], index: int) -> Mapping[str, str]:
    """Returns addresses by what they show: of the largest payment that came to its end."""
    paid = [each for each in followed if each.last.status is InstructionStatus.RECONCILED]
    payment = max(paid, key=lambda each: each.instruction.order.amount_minor).id
    return {
        "overview": "/",
        "trace": f"/trace/{payment}",
        "about": f"/about/{payment}",
        "fact": f"/fact/{index}",
        "access": "/access",
        "log": "/log",
    }
