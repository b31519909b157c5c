"""Versions, sessions, allowances, describes and limits: the rules that hold for every REST resource."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import httpx
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg, gateway, unbuilt
from sfdata.localorg.answers import ApiError
from sfdata.localorg.limits import ApiUsage
from sfdata.localorg.routing import Request, Route, json_answer
from sfdata.localorg.versions import label

NOT_FOUND = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


def used(reply: httpx.Response) -> int:
    form = re.fullmatch(r"api-usage=(\d+)/15000", reply.headers["Sforce-Limit-Info"])
    assert form is not None
    return int(form[1])


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/services/data", "/services/data/", "/Services/Data"])
def test_the_version_list_is_public(stranger: Rest, path: str) -> None:
    """To anyone, ascending, the newest last, and without the header of used calls."""
    reply = stranger.get(path)
    versions = reply.json()
    assert [entry["version"] for entry in versions] == [f"{n}.0" for n in range(31, 69)]
    assert versions[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert "Sforce-Limit-Info" not in reply.headers


@pytest.mark.parametrize(
    ("number", "release"),
    [
        (31, "Summer '14"),
        (45, "Spring '19"),
        (47, "Winter '20"),
        (58, "Summer '23"),
        (65, "Winter '26"),
        (66, "Spring '26"),
    ],
)
def test_versions_bear_the_name_of_their_release(number: int, release: str) -> None:
    """Three releases a year, a Winter release in the autumn before."""
    assert label(number) == release


@pytest.mark.parametrize("version", ["31.0", "50.0", "51.0", "59.0", "66.0", "68.0"])
def test_versions_of_real_clients_are_served(web: Rest, version: str) -> None:
    """The version root lists resources under the version that was asked for, the identity by its full address."""
    for path in (f"/services/data/v{version}", f"/services/data/v{version}/", f"/SERVICES/data/V{version}/"):
        root = web.get(path).json()
        assert root["query"] == f"/services/data/v{version}/query"
        assert root["identity"].startswith("http://127.0.0.1:")
        wanted = {
            "sobjects",
            "queryAll",
            "search",
            "parameterizedSearch",
            "limits",
            "composite",
            "jobs",
            "recent",
            "tooling",
        }
        assert wanted <= set(root)


@pytest.mark.parametrize("version", ["7.0", "20.0", "30.0"])
def test_retired_versions_are_gone(stranger: Rest, version: str) -> None:
    """410 with UNSUPPORTED_API_VERSION, before anyone logs in."""
    reply = stranger.get(f"/services/data/v{version}/sobjects")
    assert reply.status_code == 410
    assert reply.json()[0]["errorCode"] == "UNSUPPORTED_API_VERSION"


@pytest.mark.parametrize("version", ["69.0", "100.0", "66", "66.1", "066.0", "x", "6६.0"])
def test_versions_that_never_were_are_not_found(web: Rest, version: str) -> None:
    """404 NOT_FOUND for the future and for what is no version."""
    reply = web.get(f"/services/data/v{version}/sobjects")
    assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


def test_old_versions_come_with_a_warning(web: Rest) -> None:
    """Up to 40.0 there is a Warning header, from 41.0 on there is none."""
    assert web.get("/services/data/v40.0/limits").headers["Warning"].startswith('299 - "')
    assert "Warning" not in web.get("/services/data/v41.0/limits").headers


# --- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "OAuth", "bearer"])
def test_both_schemes_let_in(org: LocalOrg, stranger: Rest, scheme: str) -> None:
    """Bearer and OAuth, without regard to case."""
    headers = {"Authorization": f"{scheme} {org.access_token}"}
    assert stranger.get(f"{BASE}/limits", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["", "/sobjects", "/query?q=SELECT+Id+FROM+User", "/nothing/here", "/composite"])
def test_an_unknown_token_gets_401_everywhere(stranger: Rest, path: str) -> None:
    """INVALID_SESSION_ID in the words that clients look for, also where there would be nothing to see."""
    reply = stranger.get(BASE + path, headers={"Authorization": "Bearer 00Dx!unknown"})
    assert reply.status_code == 401
    assert reply.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert reply.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "nonsense"}, {"Authorization": "Basic YTpi"}])
def test_a_missing_or_garbled_header_gets_401(stranger: Rest, headers: dict[str, str]) -> None:
    """INVALID_AUTH_HEADER."""
    reply = stranger.get(f"{BASE}/limits", headers=headers)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (401, "INVALID_AUTH_HEADER")


def test_sessions_expire_and_use_extends_them() -> None:
    """After the given inactivity the token is refused; calls before that keep it alive."""
    with LocalOrg(sample_data=False, session_seconds=100) as org:
        now = [datetime.now(UTC).timestamp()]
        org.instance.sessions._clock = lambda: now[0]
        headers = {"authorization": f"Bearer {org.access_token}"}

        def status() -> int:
            return gateway.answer(org.instance, "GET", f"{BASE}/limits", headers).status

        for _ in range(3):
            now[0] += 90
            assert status() == 200
        now[0] += 101
        assert status() == 401


# --- methods, paths, errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "query"), ("DELETE", "limits"), ("PUT", "sobjects"), ("OPTIONS", "query")]
)
def test_wrong_methods_are_405(web: Rest, method: str, path: str) -> None:
    """METHOD_NOT_ALLOWED, naming the allowed ones."""
    reply = web.request(method, f"{BASE}/{path}")
    assert reply.status_code == 405
    error = reply.json()[0]
    assert error["errorCode"] == "METHOD_NOT_ALLOWED"
    assert error["message"] == f"HTTP Method '{method}' not allowed. Allowed are HEAD,GET"


@pytest.mark.parametrize(
    "path", ["/services/data/v66.0/nothing", "/services/other", "/favicon.ico", "//evil.example/x"]
)
def test_unknown_paths_are_404(web: Rest, path: str) -> None:
    """NOT_FOUND in Salesforce's words."""
    reply = web.get(path)
    assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


def test_what_the_root_lists_is_served_or_refused_by_name(web: Rest) -> None:
    """A listed resource has a handler, or answers 501 and says what it would be; never a bare 404."""
    root = web.get(BASE).json()
    for name in set(root) - {"identity"}:
        if f"/{name}" in unbuilt.RESOURCES:
            for path in (root[name], f"{root[name]}/anything/below"):
                reply = web.post(path, json={})
                assert reply.status_code == 501, path
                assert "does not serve" in reply.json()[0]["message"]
        else:
            assert web.get(root[name]).status_code in (200, 400, 405), name


def test_a_failing_handler_gives_an_error_id_and_no_traceback(
    org: LocalOrg, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 UNKNOWN_EXCEPTION with an id that the log on stderr repeats beside the traceback."""

    def broken(request: Request) -> Any:
        raise ZeroDivisionError("secret detail")

    routes = [Route("GET", "/broken", broken, "fails", public=True)]
    answer = gateway.answer(org.instance, "GET", "/broken?q=private", {}, routes=routes)
    error = json.loads(answer.body)[0]
    log = capsys.readouterr().err
    assert (answer.status, error["errorCode"]) == (500, "UNKNOWN_EXCEPTION")
    assert "secret detail" not in error["message"]
    assert "ZeroDivisionError" in log
    assert error["message"].split(": ")[1] in log
    assert "private" not in log


def test_parameters_are_decoded_once(org: LocalOrg) -> None:
    """A plus is a space, percent codes are bytes of UTF-8, the last of equal names counts, empty ones stay."""
    routes = [Route("GET", "/echo/{part}", lambda r: json_answer([dict(r.query), dict(r.args)]), "echo", public=True)]
    target = "http://localhost/echo/a%2Fb%20%C3%A9+?q=a+b%2Bc%25&x=1&x=2&empty="
    answer = gateway.answer(org.instance, "GET", target, {}, routes=routes)
    assert json.loads(answer.body) == [{"q": "a b+c%", "x": "2", "empty": ""}, {"part": "a/b é+"}]


@pytest.mark.parametrize("target", ["*", "", "http://[", "http://localhost", "?", "/%", "/%ff?%ff=%", "nonsense"])
def test_any_target_gets_an_answer(org: LocalOrg, target: str) -> None:
    """However odd the request line, the answer is a plain 404."""
    assert gateway.answer(org.instance, "GET", target, {}).status == 404


def test_pretty_print_indents_and_changes_nothing(web: Rest) -> None:
    """X-PrettyPrint: 1 gives the same JSON over several lines, for errors too."""
    plain, pretty = (web.get(f"{BASE}/sobjects", headers=headers) for headers in ({}, {"X-PrettyPrint": "1"}))
    assert "\n" not in plain.text
    assert '\n  "' in pretty.text
    assert plain.json() == pretty.json()
    assert "\n" in web.get(f"{BASE}/nothing", headers={"X-PrettyPrint": "1"}).text


def test_head_answers_like_get(web: Rest) -> None:
    """Same status and headers, no body."""
    get, head = web.get(f"{BASE}/sobjects"), web.head(f"{BASE}/sobjects")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]


# --- the daily allowance ---------------------------------------------------------------------------------------------


def test_every_data_call_is_counted(web: Rest) -> None:
    """Sforce-Limit-Info goes up by one per call, and ``limits`` counts down with it."""
    first = web.get(BASE)
    second = web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Organization"})
    third = web.get(f"{BASE}/limits")
    assert (used(second), used(third)) == (used(first) + 1, used(first) + 2)
    assert third.json()["DailyApiRequests"] == {"Max": 15_000, "Remaining": 15_000 - used(third)}


def test_failed_data_calls_are_counted_logins_are_not(org: LocalOrg, web: Rest) -> None:
    """An error of a handler costs a call; the token endpoint and refused sessions cost none."""
    before = used(web.get(BASE))
    assert web.get(f"{BASE}/sobjects/Nothing__c").status_code == 404
    web.get("/services/oauth2/userinfo")
    web.post("/services/oauth2/token")
    web.get(BASE, headers={"Authorization": "Bearer 00Dx!nope"})
    assert used(web.get(BASE)) == before + 2


def test_a_spent_allowance_refuses_data_calls() -> None:
    """403 REQUEST_LIMIT_EXCEEDED after the last call; logging in and the version list go on."""
    with (
        LocalOrg(sample_data=False, limits={"DailyApiRequests": 3}) as org,
        Rest(org, org.access_token) as web,
    ):
        assert [web.get(BASE).status_code for _ in range(4)] == [200, 200, 200, 403]
        refused = web.get(f"{BASE}/limits")
        assert refused.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
        assert refused.headers["Sforce-Limit-Info"] == "api-usage=3/3"
        assert web.get("/services/data").status_code == 200
        assert web.get("/services/oauth2/userinfo").status_code == 200


def test_the_allowance_is_a_rolling_day() -> None:
    """A call counts for 24 hours and then no more."""
    now = [1_000_000 * 3600.0]
    usage = ApiUsage(2, lambda: now[0])
    usage.count()
    now[0] += 12 * 3600
    usage.count()
    with pytest.raises(ApiError):
        usage.count()
    now[0] += 11 * 3600
    assert usage.used == 2
    now[0] += 3600
    assert usage.used == 1
    usage.count()
    assert usage.header() == "api-usage=2/2"


# --- describe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["sobjects", "sobjects/", "sObjects"])
def test_describe_global_lists_the_objects(web: Rest, path: str) -> None:
    """The list with encoding and batch size, under any spelling of the path."""
    answer = web.get(f"{BASE}/{path}").json()
    assert (answer["encoding"], answer["maxBatchSize"]) == ("UTF-8", 200)
    entries = {entry["name"]: entry for entry in answer["sobjects"]}
    assert {"Account", "Contact", "Opportunity", "User", "Organization"} <= set(entries)
    assert entries["Account"]["urls"]["describe"] == f"{BASE}/sobjects/Account/describe"


@pytest.mark.parametrize("name", ["Account", "account", "ACCOUNT"])
def test_object_names_have_no_case(web: Rest, name: str) -> None:
    """Basic information and describe by any spelling, answering with the true one."""
    info = web.get(f"{BASE}/sobjects/{name}").json()
    assert set(info) == {"objectDescribe", "recentItems"}
    assert info["objectDescribe"]["name"] == "Account"
    assert web.get(f"{BASE}/sobjects/{name}/describe/").json()["name"] == "Account"


@pytest.mark.parametrize("tail", ["", "/describe"])
def test_unknown_objects_are_not_found(web: Rest, tail: str) -> None:
    """404 NOT_FOUND."""
    reply = web.get(f"{BASE}/sobjects/Nothing__c{tail}")
    assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", ["sobjects", "sobjects/Account/describe"])
def test_a_describe_is_not_sent_twice(web: Rest, path: str) -> None:
    """304 without a body for a client whose copy is as new or has the same ETag, 200 for an older one."""
    first = web.get(f"{BASE}/{path}", headers={"Accept-Encoding": "gzip"})
    changed = parsedate_to_datetime(first.headers["Last-Modified"])
    assert first.headers["ETag"].endswith('--gzip"')

    def again(**headers: str) -> int:
        reply = web.get(f"{BASE}/{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert bool(reply.content) == (reply.status_code == 200)
        return reply.status_code

    assert again(If_Modified_Since=first.headers["Last-Modified"]) == 304
    assert again(If_Modified_Since=format_datetime(changed + timedelta(days=1), usegmt=True)) == 304
    assert again(If_Modified_Since=format_datetime(changed - timedelta(seconds=1), usegmt=True)) == 200
    assert again(If_Modified_Since="yesterday") == 200
    assert again(If_None_Match=first.headers["ETag"]) == 304
    assert again(If_None_Match=first.headers["ETag"].replace("--gzip", "")) == 304
    assert again(If_None_Match='"other"', If_Modified_Since=first.headers["Last-Modified"]) == 200


# --- limits, counts, recent items ------------------------------------------------------------------------------------


def test_limits_have_their_true_shape(web: Rest) -> None:
    """Each name maps to Max and Remaining, Remaining never above Max; some hold nested maps of the same shape."""
    limits = web.get(f"{BASE}/limits/").json()
    assert len(limits) > 40
    for name, limit in limits.items():
        assert 0 <= limit["Remaining"] <= limit["Max"], name
        assert all(set(inner) == {"Max", "Remaining"} for inner in limit.values() if isinstance(inner, dict))
    assert {"DailyBulkV2QueryJobs", "DataStorageMB", "HourlyPublishedPlatformEvents"} <= set(limits)
    assert set(limits["PermissionSets"]) == {"Max", "Remaining", "CreateCustom"}


def test_record_counts(org: LocalOrg, web: Rest) -> None:
    """Of the objects named, in their true spelling, unknown ones left out; of all where none is named."""
    for name in ("One", "Two"):
        assert web.post(f"{BASE}/sobjects/Account", json={"Name": name}).status_code == 201
    counts = web.get(f"{BASE}/limits/recordCount", params={"sObjects": "account, Nothing__c,Contact"}).json()
    assert counts == {"sObjects": [{"count": 2, "name": "Account"}, {"count": 0, "name": "Contact"}]}
    everything = {entry["name"]: entry["count"] for entry in web.get(f"{BASE}/limits/recordCount").json()["sObjects"]}
    assert everything["Account"] == 2
    assert everything["Organization"] == 1


def test_recent_items_are_those_viewed(org: LocalOrg, web: Rest) -> None:
    """Rows come by the time they were viewed, newest first, with attributes, Id and name; a limit cuts the list."""
    ids = [web.post(f"{BASE}/sobjects/Account", json={"Name": name}).json()["id"] for name in ("Old", "New", "Never")]
    account = org.instance.object("Account")
    for day, record_id in enumerate(ids[:2], start=1):
        org.instance.store.update(account, record_id, {"LastViewedDate": f"2024-01-0{day}T00:00:00.000+0000"})
    recent = web.get(f"{BASE}/recent").json()
    assert [row["Name"] for row in recent] == ["New", "Old"]
    assert recent[0] == {
        "attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{ids[1]}"},
        "Id": ids[1],
        "Name": "New",
    }
    assert [row["Name"] for row in web.get(f"{BASE}/recent", params={"limit": "1"}).json()] == ["New"]
    assert web.get(f"{BASE}/sobjects/Account").json()["recentItems"] == recent
    assert web.get(f"{BASE}/recent", params={"limit": "many"}).status_code == 400


def test_queries_for_view_and_writes_by_header_count_as_viewed(web: Rest) -> None:
    """FOR VIEW moves both dates of its rows, FOR REFERENCE one, Sforce-Mru those of what is written."""
    ids = {
        name: web.post(f"{BASE}/sobjects/Lead", json={"LastName": name, "Company": "x"}).json()["id"] for name in "abc"
    }
    dates = "SELECT Name, LastViewedDate, LastReferencedDate FROM Lead"

    def seen() -> dict[str, tuple[bool, bool]]:
        rows = web.get(f"{BASE}/query", params={"q": dates}).json()["records"]
        return {row["Name"]: (bool(row["LastViewedDate"]), bool(row["LastReferencedDate"])) for row in rows}

    web.get(f"{BASE}/sobjects/Lead/{ids['a']}")
    assert set(seen().values()) == {(False, False)}
    web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Lead WHERE Name = 'a' FOR VIEW"})
    web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Lead ORDER BY Name LIMIT 1 OFFSET 1 FOR REFERENCE"})
    assert seen() == {"a": (True, True), "b": (False, True), "c": (False, False)}
    web.patch(f"{BASE}/sobjects/Lead/{ids['c']}", json={"City": "X"}, headers={"Sforce-Mru": "updateMru=true"})
    assert seen()["c"] == (True, True)
    assert {item["Id"] for item in web.get(f"{BASE}/sobjects/Lead").json()["recentItems"]} == {ids["a"], ids["c"]}


def test_routes_do_not_hide_each_other(org: LocalOrg) -> None:
    """Every route of the table is reached by its own pattern: none is shadowed by an earlier one."""

    def reached(route: Route) -> bool:
        path = re.sub(r"\{\w+\}", "x", route.pattern.replace("{version}", "68.0"))
        return gateway.match(gateway.ROUTES, route.method, path)[0] is route

    assert [route.pattern for route in gateway.ROUTES if not reached(route)] == []
