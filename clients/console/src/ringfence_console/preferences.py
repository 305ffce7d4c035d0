"""How somebody wants to read: language, theme and time zone, in cookies that hold nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ringfence_desk.language import Language
from ringfence_desk.times import zone_named
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ringfence_console.guard import HOME, is_own

PATH = "/prefer"
LANGUAGE, THEME, ZONE = "language", "theme", "zone"
THEMES = ("", "dark", "light")
"""Without one the system's is followed."""
_YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Preferences:
    """A language, a theme or none, and a time zone beside UTC or none."""

    language: Language
    theme: str
    zone: ZoneInfo | None = None

    @classmethod
    def of(cls, request: Request) -> Preferences:
        """Reads what was chosen, or else what the browser asks for."""
        asked = request.cookies.get(LANGUAGE) or request.headers.get("accept-language", "")
        theme = request.cookies.get(THEME, "")
        language = Language.of(asked.split(",")[0].split(";")[0].strip())
        return cls(language, theme if theme in THEMES else "", zone_named(request.cookies.get(ZONE, "")))

    @property
    def other_language(self) -> Language:
        """The one to change to."""
        return Language.ENGLISH if self.language is Language.CHINESE else Language.CHINESE

    @property
    def next_theme(self) -> str:
        """The one to change to."""
        return THEMES[(THEMES.index(self.theme) + 1) % len(THEMES)]


def link(request: Request, **chosen: str) -> str:
    """Gives the address that chooses something and comes back."""
    return f"{PATH}?{urlencode({**chosen, 'back': here(request)})}"


def here(request: Request) -> str:
    """Gives the address of the page that is shown."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def prefer(request: Request) -> Response:
    """Keeps what was chosen, and goes back to the page; to none but ours. A zone that there is not is refused."""
    zone = request.query_params.get(ZONE, "").strip()
    if zone and zone_named(zone) is None:
        raise HTTPException(400)
    back = request.query_params.get("back", "/")
    answer = RedirectResponse(back if is_own(back) else HOME, 303)
    language, theme = request.query_params.get(LANGUAGE), request.query_params.get(THEME)
    for name, value in ((LANGUAGE, language), (THEME, theme)):
        if value is not None and value in (*map(str, Language), *THEMES):
            _keep(answer, name, value)
    if ZONE in request.query_params:
        _keep(answer, ZONE, zone)
    return answer


def _keep(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, max_age=_YEAR_SECONDS, httponly=True, samesite="strict", path="/")
