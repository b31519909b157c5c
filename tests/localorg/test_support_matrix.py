"""What the README promises is what the org serves, and the rest is refused by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg, support, unbuilt
from sfdata.localorg.answers import ApiError
from sfdata.localorg.gateway import ROUTES
from sfdata.localorg.support import REFUSED

README = Path(__file__).parents[2] / "README.md"


def sample(pattern: str) -> str:
    """A path that fits a pattern."""
    return re.sub(r"\{\w+\}", "Account", pattern.replace("{version}", "66.0"))


def test_the_readme_lists_what_is_served() -> None:
    """The list is that of the route table. (python -m sfdata.localorg.support README.md renews it.)"""
    text = README.read_text(encoding="utf-8")
    assert text == support.updated(text)
    for route in ROUTES:
        path = route.pattern.removeprefix("/services/data/v{version}/")
        assert (f"| `{path}` |" in text) or route.what.endswith(REFUSED), path


def test_only_marked_sections_are_renewed() -> None:
    """What stands around the marks stays, and a text without marks is not touched."""
    text = f"before\n{support.BEGIN}stale\n{support.END}after\n"
    renewed = support.updated(text)
    assert renewed.startswith(f"before\n{support.BEGIN}<details>")
    assert renewed.endswith(f"{support.END}after\n")
    assert "stale" not in renewed
    with pytest.raises(ValueError, match="support"):
        support.updated("nothing here")


@pytest.mark.parametrize("pattern", unbuilt.BY_PATTERN)
def test_what_is_not_built_says_so(web: Rest, pattern: str) -> None:
    """501 in the API's form and with the resource's name, itself and everything below, for any method."""
    code = "<exceptionCode>FeatureNotEnabled" if "async/" in pattern else '"errorCode":"NOT_IMPLEMENTED"'
    for method, below in (("GET", ""), ("POST", "/"), ("DELETE", "/below/it?x=1")):
        reply = web.request(method, sample(pattern).upper() + below)
        assert reply.status_code == 501, (method, below)
        assert code in reply.text
        assert unbuilt.BY_PATTERN[pattern] in reply.text


def test_what_is_built_is_not_refused() -> None:
    """No path of the route table is taken for something that is missing, and the other way round."""
    for route in ROUTES:
        with_rows = sample(route.pattern)
        unbuilt.refuse_of_objects(with_rows)
        if not route.pattern.startswith("/services/Soap"):
            unbuilt.refuse(with_rows)
    for pattern in {*unbuilt.BY_PATTERN} - {f"{unbuilt.VERSION}{path}" for path in unbuilt.OF_OBJECTS}:
        hits = [route.pattern for route in ROUTES if route.regex.fullmatch(sample(pattern))]
        assert all(hit.startswith("/services/Soap") for hit in hits), pattern


@pytest.mark.parametrize(
    "path", ["/nothing", "/noun", "/nounsx", "/actionsx/y", "/sobjectsx/Account/listviews", "/wav e"]
)
def test_unknown_paths_stay_unknown(web: Rest, path: str) -> None:
    """A path that only resembles a resource is 404."""
    unbuilt.refuse(f"{BASE}{path}")
    assert web.get(f"{BASE}{path}").status_code == 404


def test_strangers_learn_nothing() -> None:
    """Without a session the answer is 401, also for what is not built."""
    with LocalOrg(sample_data=False) as org, Rest(org) as stranger:
        for path in ("/nouns", "/sobjects/Account/listviews", "/ui-api/records/x"):
            assert stranger.get(f"{BASE}{path}").status_code == 401
    with pytest.raises(ApiError) as refused:
        unbuilt.refuse(f"{BASE}/nouns")
    assert refused.value.status == 501
