"""Builds the site: `python -m docs.site` into `.docs/site`; `--catalogues` brings the Chinese catalogues up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.site import catalogues
from docs.site.building import BUILT, Site


def main(arguments: list[str]) -> int:
    """Builds, says what is wrong, and returns 1 where anything is."""
    if arguments not in ([], ["--catalogues"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    site = Site(BUILT)
    site.lay_out()
    if arguments:
        for path in catalogues.update(site.templates()):
            sys.stdout.write(f"{path.relative_to(Path.cwd())}\n")
        return 0
    problems = site.build()
    for each in problems or [str(site.html / "index.html")]:
        sys.stdout.write(f"{each}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
