"""Somebody who has a keyboard alone: goes on by the tabulator, says Enter, and counts steps."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

MOST_TABS = 250
_FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return ["", "", true];
  const labels = [...(at.labels || [])].map(e => e.textContent).join(" ");
  // A field may be marked by the form that stands around it.
  const marked = [at, at.form].filter(Boolean).map(e => getComputedStyle(e)).some(style =>
    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none");
  const name = at.getAttribute("aria-label") || labels || at.textContent || at.getAttribute("title") || "";
  return [name.replace(/\\s+/g, " ").trim(), at.getAttribute("href") || "", marked];
}"""


@dataclass
class Keyboard:
    """What is pressed on a page; a step is whatever asks the host for another page."""

    page: Page
    steps: int = 0

    def reach(self, name: str = "", *, address: str = "") -> None:
        """Tabs on until what has the focus bears a name, or leads to an address, beginning so.

        Raises AssertionError where it cannot be reached, or where the focus is not to be seen on the way.
        """
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            label, href, marked = self.page.evaluate(_FOCUSED)
            assert marked, f"the focus cannot be seen on {label!r} {href}"
            if (name and name in label) or (address and href.startswith(address)):
                return
        raise AssertionError(f"cannot be reached by the keyboard: {name or address}")

    def write(self, text: str) -> None:
        """Types a text where the focus is."""
        self.page.keyboard.type(text)

    def enter(self) -> None:
        """Says Enter, and waits for the page that comes."""
        with self.page.expect_navigation(wait_until="networkidle"):
            self.page.keyboard.press("Enter")
        self.steps += 1
