"""The API versions the local org serves, and what it says to the others.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_versions.htm
"""

from __future__ import annotations

import re

from sfdata.localorg.answers import ApiError, not_found

OLDEST, NEWEST = 31, 68
DEPRECATED = 40
"""Versions up to this one still work and answer with a ``Warning`` header."""

SEASONS = ("Spring", "Summer", "Winter")


def version_list() -> list[dict[str, str]]:
    """The body of ``GET /services/data``, oldest first."""
    return [
        {"label": label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST, NEWEST + 1)
    ]


def label(number: int) -> str:
    """The release of an API version: 68 came with Winter '27, and three releases make a year."""
    return f"{SEASONS[number % 3]} '{(number + 13) // 3}"


def is_served(version: str) -> bool:
    """Whether ``version`` is one of the list (``66.0``)."""
    form = re.fullmatch(r"([1-9][0-9]{0,2})\.0", version)
    return form is not None and OLDEST <= int(form[1]) <= NEWEST


def refuse_unserved(version: str) -> None:
    """Do nothing for a served version.

    Raises:
        ApiError: 410 for a retired version, 404 for one that does not exist.
    """
    if is_served(version):
        return
    form = re.fullmatch(r"([1-9][0-9]{0,2})\.0", version)
    if form and int(form[1]) < OLDEST:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", f"API version {version} is retired; use {OLDEST}.0 or newer.")
    raise not_found()
