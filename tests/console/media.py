"""How pages look elsewhere than on a screen of our choosing: printed, in forced colours, and words upon ribbons."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page

from tests.console.checking import layout

PAPER = {"width": 794, "height": 1123}
"""A4 at 96 dots per inch, in CSS pixels."""
LEAST_CONTRAST = 4.5
# What all scripts below have: colours composited over what is beneath, and their contrast (WCAG 2.2, 1.4.3).
_COLOURS = """
const read = text => {
  const [r, g, b, a = 1] = (text.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number); return [r, g, b, a]; };
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = c => { const [r, g, b] = c.slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a, b) => {
  const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const ground = e => { const chain = []; for (let at = e; at; at = at.parentElement) chain.push(at);
  return chain.reverse().reduce((c, at) => over(read(getComputedStyle(at).backgroundColor), c), [255, 255, 255, 1]); };
const shown = e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length;
const named = e =>
  e.tagName.toLowerCase() + "." + (e.getAttribute("class") || "") + " " + e.textContent.trim().slice(0, 30);
"""
_TEXTS = (
    "least => {"
    + _COLOURS
    + """
  const own = e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  return [...document.querySelectorAll("body *:not(svg *)")].filter(e => own(e) && shown(e) && !e.closest(".vh, .skip"))
    .filter(e => contrast(over(read(getComputedStyle(e).color), ground(e)), ground(e)) < least).map(named);
}"""
)
# Words in a picture stand on its shapes, in their order; a halo in the colour of the ground is what they stand on then.
_DRAWN = (
    "least => {"
    + _COLOURS
    + """
  const shapes = svg => [...svg.querySelectorAll("path, rect, circle, polygon")].filter(shown);
  const beneath = (text, x, y) => shapes(text.ownerSVGElement).filter(s =>
      s.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING).reduce((c, s) => {
    const style = getComputedStyle(s), point = new DOMPoint(x, y);
    const alpha = parseFloat(style.fillOpacity) * parseFloat(style.opacity);
    if (style.fill === "none" || !s.isPointInFill(point)) return c;
    const fill = read(style.fill);
    return over([fill[0], fill[1], fill[2], fill[3] * alpha], c);
  }, ground(text.ownerSVGElement));
  const out = [];
  for (const text of document.querySelectorAll("svg text")) {
    if (!shown(text) || !text.textContent.trim()) continue;
    const style = getComputedStyle(text), box = text.getBBox(), ink = read(style.fill);
    const halo = style.stroke !== "none" && style.paintOrder.startsWith("stroke");
    for (const part of [0.02, 0.25, 0.5, 0.75, 0.98]) {
      const under = halo ? read(style.stroke) : beneath(text, box.x + part * box.width, box.y + box.height / 2);
      if (contrast(over(ink, under), under) < least) { out.push(named(text) + " at " + part); break; }
    }
  }
  return out;
}"""
)
_FIGURES = "document.querySelectorAll('svg text').length"
_MOVES = """() => [...document.querySelectorAll("*")]
  .flatMap(e => [null, "::before", "::after"].map(part => getComputedStyle(e, part)))
  .some(style => [style.transitionDuration, style.animationDuration].join().split(",").some(t => parseFloat(t) > 0))"""
_NOT_PRINTED = "nav, .top, footer, button, input:not([type=hidden]), .skip"
_CUT = """() => [...document.querySelectorAll("main *")].filter(e => {
  const style = getComputedStyle(e);
  return e.checkVisibility() && !e.closest("svg, .vh") && /auto|scroll|hidden/.test(style.overflowX + style.overflowY)
    && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && e.clientWidth;
}).map(e => e.tagName.toLowerCase() + "." + (e.getAttribute("class") || ""))"""


def printed(page: Page) -> Iterator[str]:
    """Says what is wrong with a page on paper: cut off, pale, or of no use there."""
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    left = page.locator(_NOT_PRINTED).evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.outerHTML)")
    yield from (f"is printed: {each[:60]}" for each in left)
    yield from (f"on paper {each}" for each in layout(page))
    yield from (f"is cut off on paper: {each}" for each in page.evaluate(_CUT))
    yield from (f"is pale on paper: {each}" for each in pale(page))
    page.emulate_media(media="screen")


def pale(page: Page) -> list[str]:
    """Gives texts, in pictures too, whose contrast with what they stand on is too low."""
    return [*page.evaluate(_TEXTS, LEAST_CONTRAST), *page.evaluate(_DRAWN, LEAST_CONTRAST)]


def pale_on_ribbons(page: Page) -> list[str]:
    """Gives words of pictures whose contrast with what they stand on is too low: axe leaves these open."""
    found: list[str] = page.evaluate(_DRAWN, LEAST_CONTRAST)
    return found


def words_in_pictures(page: Page) -> int:
    """Counts them."""
    return int(page.evaluate(_FIGURES))


def moves(page: Page) -> bool:
    """Tells whether anything on a page would move or fade by itself."""
    return bool(page.evaluate(_MOVES))
