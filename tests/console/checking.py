"""Looks at one page in one look, and names all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from lxml import html
from playwright.sync_api import Page, Response

from tests.console.browser import Seen, Visitor, origin_of
from tests.console.looks import Look

MOST_BYTES = 40_000
"""A page with all its files on the first visit, as they are sent."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
# Rules that axe leaves off, of WCAG 2.2 AA: targets of 24 pixels.
_AXE_OPTIONS = {"rules": {"target-size": {"enabled": True}}}
_WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return "";
  const out = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > wide + 0.5);
  return out.slice(-3).map(e => e.tagName.toLowerCase() + "." + e.getAttribute("class")).join(", ") || "the page";
}"""
# Words that do not fit into what they stand in: cut off there, or drawn over what is beside it.
_SPILLED = """() => {
  const out = [...document.querySelectorAll("body *")].filter(e => {
    const style = getComputedStyle(e);
    if (e.closest(".vh, .skip, svg, [hidden]") || style.display === "inline") return false;
    if (!e.clientWidth || !e.textContent.trim()) return false;
    return !/auto|scroll/.test(style.overflowX) && e.scrollWidth > e.clientWidth + 1;
  });
  const drawn = [...document.querySelectorAll("svg text")].filter(e => {
    const text = e.getBoundingClientRect(), picture = e.ownerSVGElement.getBoundingClientRect();
    return text.width && (text.right > picture.right + 1 || text.left < picture.left - 1);
  });
  const kind = e => e.tagName.toLowerCase() + "." + (e.getAttribute("class") || "");
  const named = e => kind(e) + " " + e.textContent.trim().slice(0, 40);
  return [...out.slice(-2), ...drawn.slice(0, 2)].map(named).join(", ");
}"""
_LIGHTNESS = """() => {
  const seen = [document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor);
  const color = seen.find(c => c !== "rgba(0, 0, 0, 0)") || "rgb(255, 255, 255)";
  const [r, g, b] = color.match(/[0-9.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}"""
_OF_STATUS = "Failed to load resource: the server responded with a status of"
"""What a browser says of every answer that is no page, also of the one that was asked for."""
Comes = Callable[[Page], Response | None]
_INLINE = "document.querySelectorAll('[style], style, script:not([src])').length"


def problems(
    visitor: Visitor,
    address: str,
    look: Look,
    checked: str = "false()",
    *,
    status: int = 200,
    comes: Comes | None = None,
) -> list[str]:
    """Opens a page in a browser that has nothing of it yet; gives what is wrong, each with page and look.

    It shows the same without JavaScript but for its proofs, of which the XPath `checked` holds. It is looked at as a
    whole also where it is told instead of another, with a `status`; or it `comes` of what is done on the one opened.
    """
    seen = Seen(origin_of(address))
    with visitor.looking(look) as context:
        page = context.new_page()
        if comes is None:
            seen.listen(page)
            answer = page.goto(address, wait_until="load")
        else:
            page.goto(address, wait_until="load")
            seen.listen(page)
            answer = comes(page)
        found = list(_problems(page, answer, seen, look, checked, status))
    return [f"{address} [{look}]: {each}" for each in found]


def _problems(page: Page, answer: Response | None, seen: Seen, look: Look, checked: str, status: int) -> Iterator[str]:
    if answer is None or answer.status != status:
        yield f"answered {answer.status if answer else 'nothing'}"
        return
    headers = answer.all_headers()
    yield from (f"header {name}: {headers.get(name)}" for name, value in HEADERS.items() if headers.get(name) != value)
    if language := _other(page.locator("html").get_attribute("lang"), look.language):
        yield f"is in {language}"
    if (page.evaluate(_LIGHTNESS) < 0.5) != (look.theme == "dark"):
        yield "is of the other theme"
    yield from layout(page)
    if inline := page.evaluate(_INLINE):
        yield f"has {inline} inline scripts or styles"
    yield from map(_violation, Axe().run(page, options=_AXE_OPTIONS).response["violations"])
    # Scripts have had as long as that to say or ask something.
    yield from (f"said {each}" for each in seen.said if status == 200 or _OF_STATUS not in each)
    yield from (f"asked {each}" for each in seen.foreign)
    yield from (f"failed {each}" for each in seen.failed)
    if seen.weight > MOST_BYTES:
        yield f"weighs {seen.weight} bytes"
    yield from _by_scripts(page, answer, checked)


def layout(page: Page) -> Iterator[str]:
    """Says what on a page does not fit: into the window, or into what it stands in."""
    if wider := page.evaluate(_WIDER):
        yield f"is wider than its window: {wider}"
    if spilled := page.evaluate(_SPILLED):
        yield f"has words that do not fit: {spilled}"


def _other(found: str | None, wanted: str) -> str:
    return "" if found == wanted else str(found)


def _violation(found: Any) -> str:
    targets = "; ".join(" ".join(map(str, each["target"])) for each in found["nodes"][:3])
    return f"axe {found['id']} ({found['impact']}): {targets}"


def _by_scripts(page: Page, answer: Response, checked: str) -> Iterator[str]:
    """Compares a page with what was sent of it, which is all without JavaScript; where `checked` holds is left out.

    It is not asked for again: on audit's host what is read is in the log then, and the second answer another.
    """
    with_them, without = _texts(page.content(), checked), _texts(answer.text(), checked)
    if with_them != without:
        lost = [each for each in with_them if each not in without]
        more = [each for each in without if each not in with_them]
        yield f"without scripts lacks {lost[:5]}, has {more[:5]}"


def _texts(content: str, checked: str) -> list[str]:
    document = html.fromstring(content)
    found = document.xpath(f"//main//text()[not(ancestor::*[{checked}]) and not(ancestor::script)]")
    return [text for each in found if (text := " ".join(str(each).split()))]
