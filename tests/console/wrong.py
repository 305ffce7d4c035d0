"""A small console of the tests' own, right in all that is looked at, and wrong in one way where it is asked to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.console.checking import HEADERS

_STYLE = """
:root { color-scheme: light; --ground: #fff; --text: #111; --link: #00509e }
@media (prefers-color-scheme: dark) { :root { color-scheme: dark; --ground: #111; --text: #eee; --link: #9cf } }
body { background: var(--ground); color: var(--text); font: 1rem/2 system-ui }
a { color: var(--link); display: inline-block; min-width: 24px }
:focus-visible { outline: 3px solid currentColor }
.pale { color: #777; background: #888 } .wide { width: 2000px } .narrow { width: 2em }
.small { min-width: 0; width: 9px; height: 9px; overflow: hidden }
.hidden :focus-visible { outline: none }
"""
_SCRIPTS = {
    "console": "console.log('said')",
    "error": "throw new Error('thrown')",
    "grown": "document.querySelector('main').insertAdjacentHTML('beforeend', '<p>by scripts alone</p>')",
    "proof": "document.querySelector('main').insertAdjacentHTML('beforeend', '<p data-proof>proven</p>')",
}
WRONG = {
    "console": "said log: said",
    "error": "said error: thrown",
    "foreign": "asked http://127.0.0.2:9/x.png",
    "inline": "inline scripts or styles",
    "wide": "is wider than its window",
    "spilled": "has words that do not fit: p.narrow unbreakable",
    "drawn": "has words that do not fit: text. far too long",
    "pale": "axe color-contrast",
    "nameless": "axe image-alt",
    "small": "axe target-size",
    "language": "is in fr",
    "theme": "is of the other theme",
    "heavy": "weighs",
    "cached": "header cache-control: max-age=60",
    "missing": "answered 404",
}
"""What is wrong with a page, by its name, and what is said of it."""
_BODIES = {
    "foreign": '<img alt="" src="http://127.0.0.2:9/x.png">',
    "inline": '<p style="color: red">red</p>',
    "wide": '<p class="wide">wide</p>',
    "spilled": '<p class="narrow">unbreakable</p>',
    "drawn": '<svg viewBox="0 0 20 20" width="20" role="img" aria-label="x"><text y="9">far too long</text></svg>',
    "pale": '<p class="pale">pale</p>',
    "nameless": '<img src="/dot.svg">',
    "small": '<div><a class="small" href="/a">a</a><a class="small" href="/b">b</a></div>',
    "heavy": f"<p>{'heavy ' * 8_000}</p>",
    "hidden": '<p class="hidden"><a href="/next">hidden</a></p>',
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path.strip("/")
        if path == "style.css":
            self._answer(200, "text/css", _STYLE)
        elif path == "dot.svg":
            self._answer(200, "image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
        elif path.endswith(".js"):
            self._answer(200, "text/javascript", _SCRIPTS.get(path.removesuffix(".js"), ""))
        else:
            self._answer(404 if path == "missing" else 200, "text/html; charset=utf-8", self._page(path))

    def _page(self, name: str) -> str:
        chinese = self.headers.get("accept-language", "").startswith("zh")
        language = "fr" if name == "language" else "zh-Hans" if chinese else "en"
        style = "" if name == "theme" else '<link rel="stylesheet" href="/style.css">'
        title = escape(name or "first")
        return (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><link rel="icon" href="/dot.svg">{style}'
            f'<script type="module" src="/{name}.js"></script></head><body><main><h1>{title}</h1>'
            f'<p><a href="/one/1">One</a> <a href="/one/2">Two</a> <a href="/next?q=1">Next</a></p>'
            f"{_BODIES.get(name, '')}</main></body></html>"
        )

    def _answer(self, status: int, content_type: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        headers = dict(HEADERS)
        if self.path == "/cached":
            headers["cache-control"] = "max-age=60"
        for name, value in {**headers, "content-type": content_type, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@contextmanager
def served() -> Iterator[Callable[[str], str]]:
    """Serves it; gives what makes an address of a name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lambda name: f"http://127.0.0.1:{server.server_address[1]}/{name}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
