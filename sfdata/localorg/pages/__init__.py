"""Pages for people: templates filled with escaped values, in one frame, needing nothing from anywhere else.

A page runs no script, loads nothing, and cannot be put into another site's frame; its headers say so to the browser.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from string import Template

from sfdata.localorg.routing import Answer

HTML = "text/html;charset=UTF-8"


class Html(str):
    """Text that is HTML already; any other text is escaped when a template takes it."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """``template`` with its ``$names`` replaced by values, each escaped unless it is `Html`."""
    return Html(Template(template).substitute({name: _escaped(value) for name, value in values.items()}))


def fill_each(template: str, rows: Iterable[dict[str, object]]) -> Html:
    """``template`` once for every row."""
    return Html("".join(fill(template, **row) for row in rows))


def page(
    name: str, title: str, *, status: int = 200, refresh_seconds: int = 0, form_action: str = "'none'", **values: object
) -> Answer:
    """The page ``pages/NAME.html``. ``form_action`` says where its form may lead, redirects included."""
    style = _file("style.css")
    refresh = fill('<meta http-equiv="refresh" content="$seconds">', seconds=refresh_seconds) if refresh_seconds else ""
    content = fill(_file(f"{name}.html"), **values)
    body = fill(_file("frame.html"), title=title, style=Html(style), refresh=Html(refresh), content=content)
    return Answer(status, body.encode(), HTML, _headers(style, form_action))


def message(title: str, text: str, status: int = 200) -> Answer:
    """A page that says one thing."""
    return page("message", title, status=status, heading=title, text=text)


def _headers(style: str, form_action: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # Not no-referrer: a browser would then hide the form's origin, and the server refuse it.
        "Referrer-Policy": "same-origin",
    }


def _escaped(value: object) -> str:
    return value if isinstance(value, Html) else html.escape(str(value))


@cache
def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")
