"""The composite resource as a client meets it: references, headers, rollback, limits, every other resource inside."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import requests
from rig.local_rest import BASE, Caller
from simple_salesforce import Salesforce

import sfdata
from sfdata.localorg import LocalOrg

ROLLED_BACK = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
    }
]
RULE = "must start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."


class Client(Caller):
    """What tests of composites ask for."""

    def composite(self, *parts: dict[str, Any], version: str = "66.0", **options: Any) -> dict[str, dict[str, Any]]:
        """The outcomes of a well-formed composite by reference id, in their order."""
        status, answer = self.ask(
            "POST", f"/services/data/v{version}/composite", {"compositeRequest": parts, **options}
        )
        assert status == 200, answer
        assert [outcome["referenceId"] for outcome in answer["compositeResponse"]] == [p["referenceId"] for p in parts]
        return {outcome["referenceId"]: outcome for outcome in answer["compositeResponse"]}


@pytest.fixture
def client(undone: LocalOrg) -> Client:
    return Client(undone)


def part(reference_id: str, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    url = path if path.startswith(("/services", "@")) else f"{BASE}/{path}"
    made = {"referenceId": reference_id, "method": method, "url": url, **more}
    return made if body is None else {**made, "body": body}


def statuses(outcomes: dict[str, dict[str, Any]]) -> list[int]:
    return [outcome["httpStatusCode"] for outcome in outcomes.values()]


# --- the answers of subrequests --------------------------------------------------------------------------------------


def test_a_row_from_create_to_delete(client: Client) -> None:
    """201 with its Location, 200 with the row, 204 and 200 of changes; a body that is empty is null."""
    outcomes = client.composite(
        part("made", "POST", "sobjects/Account/", {"Name": "Acme", "Ext__c": "1"}),
        part("read", "GET", "sobjects/Account/@{made.id}?fields=Name"),
        part("changed", "PATCH", "sobjects/Account/@{made.id}", {"Name": "Acme 2"}),
        part("again", "PATCH", "sobjects/Account/Ext__c/1", {"Phone": "1"}),
        part("gone", "DELETE", "sobjects/Account/@{read.Id}"),
    )
    record_id = outcomes["made"]["body"]["id"]
    assert outcomes["made"] == {
        "body": {"id": record_id, "success": True, "errors": []},
        "httpHeaders": {"Location": f"{BASE}/sobjects/Account/{record_id}"},
        "httpStatusCode": 201,
        "referenceId": "made",
    }
    assert outcomes["read"]["body"]["Name"] == "Acme"
    assert statuses(outcomes) == [201, 200, 204, 200, 204]
    assert (outcomes["changed"]["body"], outcomes["changed"]["httpHeaders"]) == (None, {})
    assert outcomes["again"]["body"] == {"id": record_id, "success": True, "errors": [], "created": False}


def test_an_error_inside_keeps_its_own_form(client: Client) -> None:
    """The list of errors as the body, no headers, and 200 around it; others go on."""
    outcomes = client.composite(
        part("bad", "POST", "sobjects/Contact", {"LastName": "x", "Email": "nope"}),
        part("none", "GET", "nothing/here"),
        part("good", "POST", "sobjects/Contact", {"LastName": "y"}),
    )
    assert outcomes["bad"] == {
        "body": [
            {"message": "Email: invalid email address: nope", "errorCode": "INVALID_EMAIL_ADDRESS", "fields": ["Email"]}
        ],
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": "bad",
    }
    assert statuses(outcomes) == [400, 404, 201]


def test_every_resource_works_inside(client: Client) -> None:
    """Each answers what it answers alone."""
    alone = [
        f"{BASE}/sobjects",
        f"{BASE}/sobjects/Lead/describe",
        f"{BASE}/recent",
        f"{BASE}/query?explain=SELECT+Id+FROM+User",
        BASE,
    ]
    outcomes = client.composite(*[part(f"r{n}", "GET", target) for n, target in enumerate(alone)])
    for outcome, target in zip(outcomes.values(), alone, strict=True):
        assert (outcome["httpStatusCode"], outcome["body"]) == client.ask("GET", target)


def test_headers_of_a_subrequest_count(client: Client) -> None:
    """A describe that did not change is 304 with a null body; page sizes can be asked for."""
    client.ask(
        "POST",
        f"{BASE}/composite/sobjects",
        {"records": [{"attributes": {"type": "Lead"}, "LastName": str(n), "Company": "x"} for n in range(200)]},
    )
    client.ask("POST", f"{BASE}/sobjects/Lead", {"LastName": "200", "Company": "x"})
    later = {"If-Modified-Since": "Tue, 31 May 2095 18:00:00 GMT"}
    outcomes = client.composite(
        part("same", "GET", "sobjects/Lead/describe", httpHeaders=later),
        part("page", "GET", "query?q=SELECT+Id+FROM+Lead", httpHeaders={"Sforce-Query-Options": "batchSize=200"}),
        collateSubrequests=False,
    )
    assert (outcomes["same"]["httpStatusCode"], outcomes["same"]["body"]) == (304, None)
    assert set(outcomes["same"]["httpHeaders"]) == {"ETag", "Last-Modified"}
    page = outcomes["page"]["body"]
    assert (page["totalSize"], page["done"], len(page["records"])) == (201, False, 200)
    status, rest = client.ask("GET", page["nextRecordsUrl"])
    assert (status, len(rest["records"])) == (200, 1)


def test_the_whole_is_one_api_call(client: Client) -> None:
    """Twenty-five subrequests count once."""
    before = client.org.instance.usage.used
    client.composite(*[part(f"r{n}", "GET", "limits") for n in range(25)])
    assert client.org.instance.usage.used == before + 1


def test_blobs_cannot_stand_inside(client: Client) -> None:
    """A resource that answers with bytes is refused within, though it is there."""
    made = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": "A"}),
        part("f", "POST", "sobjects/Attachment", {"Name": "f", "ParentId": "@{a.id}", "Body": "aGVsbG8="}),
        part("b", "GET", "sobjects/Attachment/@{f.id}/Body"),
    )
    assert statuses(made) == [201, 201, 400]
    assert made["b"]["body"][0]["errorCode"] == "INVALID_INPUT"


def test_composites_cannot_be_nested_but_collections_can(client: Client) -> None:
    """composite, batch, tree and graph are refused inside; sObject Collections are not."""
    nested = [f"composite{path}" for path in ("", "/", "/batch", "/tree/Account", "/graph/")]
    outcomes = client.composite(*[part(f"r{n}", "POST", path, {}) for n, path in enumerate(nested)])
    assert [outcome["body"][0]["errorCode"] for outcome in outcomes.values()] == ["INVALID_INPUT"] * len(nested)
    records = {"records": [{"attributes": {"type": "Account"}, "Name": "A"}]}
    outcomes = client.composite(
        part("many", "POST", "composite/sobjects", records),
        part("gone", "DELETE", "composite/sobjects?ids=@{many[0].id}"),
    )
    assert [outcome["body"][0]["success"] for outcome in outcomes.values()] == [True, True]


# --- references ------------------------------------------------------------------------------------------------------


def test_references_reach_into_answers(client: Client) -> None:
    """Fields of objects and items of lists, as deep as the answer is, in addresses and in bodies."""
    outcomes = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": 'A&B "=100% ü', "NumberOfEmployees": 12, "BillingCity": "Ulm"}),
        part("read", "GET", "sobjects/Account/@{a.id}"),
        part("c", "POST", "sobjects/Contact", {"LastName": "of @{read.Name}, @{read.BillingAddress.city}",
                                               "AccountId": "@{a.id}"}),
        part("q", "GET", "query?q=SELECT Id, LastName, Account.NumberOfEmployees n FROM Contact "
                         "WHERE Account.Name = '@{read.Name}'".replace(" n ", " ")),
        part("b", "POST", "sobjects/Account", {"Name": "B", "NumberOfEmployees":
                                               "@{q.records[0].Account.NumberOfEmployees}"}),
        part("again", "GET", "@{b.id}"),
        part("whole", "GET", "@{read.attributes.url}"),
        part("last", "GET", "sobjects/Account/@{b.id}?fields=NumberOfEmployees"),
    )  # fmt: skip
    assert outcomes["q"]["body"]["records"][0]["LastName"] == 'of A&B "=100% ü, Ulm'
    assert outcomes["last"]["body"]["NumberOfEmployees"] == 12
    assert outcomes["whole"]["body"] == outcomes["read"]["body"]
    assert outcomes["again"]["httpStatusCode"] == 404


@pytest.mark.parametrize(
    "name",
    ["nothing.id", "a.Id", "a.id.more", "q.records[9].Id", "q.records.Id", "q.records", "q", "q.records[0].attributes",
     "later.id", "bad.id", "a..id", "a.errors[0]", "a.id[0]"],
)  # fmt: skip
def test_a_reference_to_nothing_halts_its_subrequest(client: Client, name: str) -> None:
    """No such reference, member or item, the wrong case, no single value, later or failed ones: PROCESSING_HALTED."""
    outcomes = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": "A"}),
        part("q", "GET", "query?q=SELECT Id FROM Account"),
        part("bad", "POST", "sobjects/Account", {}),
        part("user", "POST", "sobjects/Account", {"Name": f"@{{{name}}}"}),
        part("later", "POST", "sobjects/Account", {"Name": "B"}),
    )
    root = name.partition(".")[0].partition("[")[0]
    message = (
        f"Invalid reference specified. No value for {name} found in {root}. Provided referenceId ('{name}') {RULE}"
    )
    assert outcomes["user"]["body"] == [{"message": message, "errorCode": "PROCESSING_HALTED"}]
    assert statuses(outcomes) == [201, 200, 400, 400, 201]


def test_a_reference_to_null_is_null_since_version_52(client: Client) -> None:
    """Before that, the subrequest is halted."""
    parts = [
        part("a", "POST", "sobjects/Account", {"Name": "A"}),
        part("read", "GET", "sobjects/Account/@{a.id}?fields=Phone"),
        part("b", "POST", "sobjects/Account", {"Name": "B@{read.Phone}", "Phone": "@{read.Phone}"}),
        part("back", "GET", "sobjects/Account/@{b.id}?fields=Name,Phone"),
    ]
    back = client.composite(*parts, version="52.0")["back"]["body"]
    assert (back["Name"], back["Phone"]) == ("B", None)
    assert statuses(client.composite(*parts, version="51.0")) == [201, 200, 400, 400]


def test_text_that_only_looks_like_a_reference_stays(client: Client) -> None:
    """What a reference brings in is not read again, and braces elsewhere mean nothing."""
    outcomes = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": "@{", "Description": "a}b \\@ {x}"}),
        part("read", "GET", "sobjects/Account/@{a.id}?fields=Name,Description"),
        part("b", "POST", "sobjects/Account", {"Name": '"@{read.Name}a.id}', "Description": '\\"@{read.Description}"'}),
        part("back", "GET", "sobjects/Account/@{b.id}?fields=Name,Description"),
    )
    back = outcomes["back"]["body"]
    assert (back["Name"], back["Description"]) == ('"@{a.id}', '\\"a}b \\@ {x}"')


# --- all or none -----------------------------------------------------------------------------------------------------


def test_all_or_none_undoes_everything(client: Client) -> None:
    """The failure keeps its own error; what came before and after says that it was rolled back."""
    outcomes = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": "A"}),
        part("q", "GET", "query?q=SELECT Id FROM Account"),
        part("bad", "POST", "sobjects/Contact", {"AccountId": "@{a.id}"}),
        part("b", "POST", "sobjects/Account", {"Name": "B"}),
        allOrNone=True,
    )
    assert statuses(outcomes) == [400, 400, 400, 400]
    assert outcomes["bad"]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    for halted in ("a", "q", "b"):
        assert (outcomes[halted]["body"], outcomes[halted]["httpHeaders"]) == (ROLLED_BACK, {})
    assert client.count("Account") == 0


def test_all_or_none_keeps_what_succeeds(client: Client) -> None:
    """Without a failure nothing is undone."""
    outcomes = client.composite(
        part("a", "POST", "sobjects/Account", {"Name": "A"}),
        part("b", "PATCH", "sobjects/Account/@{a.id}", {"Name": "B"}),
        allOrNone=True,
    )
    assert statuses(outcomes) == [201, 204]
    assert client.count("Account") == 1


@pytest.mark.parametrize(
    ("outer", "inner", "written"), [(False, False, 2), (False, True, 1), (True, True, 0), (True, False, 0)]
)
def test_all_or_none_outside_and_inside(client: Client, outer: bool, inner: bool, written: int) -> None:
    """A collection that fails in part fails the composite around it, whatever its own flag; its answer stays."""
    records = [{"attributes": {"type": "Account"}, "Name": "A"}, {"attributes": {"type": "Account"}}]
    outcomes = client.composite(
        part("many", "POST", "composite/sobjects", {"allOrNone": inner, "records": records}),
        part("one", "POST", "sobjects/Account", {"Name": "B"}),
        allOrNone=outer,
    )
    assert outcomes["many"]["httpStatusCode"] == 200
    assert [item["success"] for item in outcomes["many"]["body"]] == [not inner, False]
    assert outcomes["one"]["httpStatusCode"] == (400 if outer else 201)
    assert client.count("Account") == written


# --- limits and malformed requests -----------------------------------------------------------------------------------


TOO_MANY_QUERIES = "The request can’t contain more than 5 query or sObject Collections operations."


@pytest.mark.parametrize(
    ("path", "count", "message"),
    [
        ("limits", 26, "The request can’t contain more than 25 operations."),
        ("query?q=SELECT+Id+FROM+User", 6, TOO_MANY_QUERIES),
        ("composite/sobjects/User?ids=x&fields=Id", 6, TOO_MANY_QUERIES),
    ],
)  # fmt: skip
def test_limits(client: Client, path: str, count: int, message: str) -> None:
    """25 subrequests, 5 of them queries or collections; one less passes, one more is refused as orgs were seen to."""
    parts = [part(f"r{n}", "GET", path) for n in range(count)]
    assert set(statuses(client.composite(*parts[1:]))) == {200}
    status, answer = client.ask("POST", f"{BASE}/composite", {"compositeRequest": parts})
    assert status == 400
    assert answer == {
        "compositeResponse": [
            {
                "body": [{"errorCode": "LIMIT_EXCEEDED", "message": message}],
                "httpHeaders": {},
                "httpStatusCode": 400,
                "referenceId": None,
            }
        ]
    }


def test_reference_ids_are_checked_since_version_52(client: Client) -> None:
    """Illegal characters fail the whole request; before, only what refers to them."""
    parts = [
        part("new[1]", "POST", "sobjects/Account", {"Name": "A"}),
        part("c", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{new[1].id}"}),
        part("other", "POST", "sobjects/Account", {"Name": "B"}),
    ]
    status, errors = client.ask("POST", f"{BASE}/composite", {"compositeRequest": parts})
    message = f"Provided referenceId ('new[1]') {RULE}"
    assert (status, errors) == (400, [{"message": message, "errorCode": "JSON_PARSER_ERROR"}])
    outcomes = client.composite(*parts, version="51.0")
    assert statuses(outcomes) == [201, 400, 201]
    assert outcomes["c"]["body"][0]["message"].startswith(
        "Invalid reference specified. No value for new[1].id found in new."
    )


GOOD = part("a", "GET", "limits")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'compositeRequest' is a required field."),
        ({"compositeRequest": [{**GOOD, "referenceId": None}]}, "'referenceId' is a required field."),
        ({"compositeRequest": [{"referenceId": "a", "url": "/"}]}, "'method' is a required field."),
        ({"compositeRequest": [GOOD, GOOD]}, "Duplicate referenceId found: a"),
        ({"compositeRequest": [{**GOOD, "referenceId": "_a"}]}, f"Provided referenceId ('_a') {RULE}"),
        ({"compositeRequest": [{**GOOD, "name": 1}]}, 'Unrecognized field "name" at [line:1, column:107]'),
        ({"compositeRequest": [{**GOOD, "method": "get"}]}, "Cannot deserialize instance of HTTP method from "
         "VALUE_STRING value get or request may be missing a required field at [line:1, column:54]"),
        ({"compositeRequest": [{**GOOD, "httpHeaders": {"Authorization": "Bearer x"}}]},
         "The header authorization cannot be specified in a subrequest; it inherits that of the request."),
        ({"compositeRequest": [None]}, "A map is required at [line:1, column:23]"),
    ],
)  # fmt: skip
def test_malformed_requests(client: Client, body: Any, message: str) -> None:
    """400 for the whole request, before anything runs."""
    assert client.ask("POST", f"{BASE}/composite", body) == (
        400,
        [{"message": message, "errorCode": "JSON_PARSER_ERROR"}],
    )


def test_urls_outside_the_data_api_lead_nowhere(client: Client) -> None:
    """Other hosts and other paths are 404 inside; nobody is asked elsewhere."""
    targets = ["/services/oauth2/userinfo", "https://evil.example/x", "limits", "//x/services/data/v66.0/limits", ""]
    outcomes = client.composite(*[{"referenceId": f"r{n}", "method": "GET", "url": t} for n, t in enumerate(targets)])
    assert set(statuses(outcomes)) == {404}


def test_the_resources_below(client: Client) -> None:
    """GET lists the composite resources; older versions have none."""
    assert client.ask("GET", f"{BASE}/composite/") == (
        200,
        {name: f"{BASE}/composite/{name}" for name in ("tree", "batch", "sobjects", "graph")},
    )
    assert client.ask("GET", "/services/data/v37.0/composite")[0] == 404


# --- clients ---------------------------------------------------------------------------------------------------------


def test_a_long_query_of_our_own_client() -> None:
    """A query too long for an address arrives whole, through one composite call."""
    names = [f"Name {n:05}" for n in range(1500)]
    assert len(str(names)) > 20_000
    with LocalOrg(sample_data=False) as running:
        made = Client(running).ask("POST", f"{BASE}/sobjects/Account", {"Name": "It's Müller & Söhne"})[1]["id"]
        usage = running.instance.usage
        with sfdata.connect(instance_url=running.instance_url, access_token=running.access_token) as connected:
            connected.query("SELECT Id, Name FROM Account")
            before = usage.used
            soql = "SELECT Id, Name FROM Account WHERE Name IN :names"
            frame = connected.query(soql, params={"names": [*names, "It's Müller & Söhne"]})
            assert usage.used == before + 1
    assert frame["Id"].tolist() == [made]


def test_a_statement_of_more_than_100000_characters_is_refused(client: Client) -> None:
    """The longest statement is answered; one character more is not, in Salesforce's words."""
    longest = "SELECT Id FROM Account LIMIT 1".ljust(100_000)
    parts = [part(name, "GET", f"query?q={quote(soql)}") for name, soql in (("a", longest), ("b", f"{longest} "))]
    outcomes = client.composite(*parts)
    assert statuses(outcomes) == [200, 400]
    message = "SOQL statements can not be longer than 100000 characters."
    assert outcomes["b"]["body"] == [{"message": message, "errorCode": "MALFORMED_QUERY"}]


def test_simple_salesforce_sends_composites() -> None:
    """The outside client's own way to any resource, over TLS: what fails leaves nothing, what succeeds is there."""
    with LocalOrg(tls=True, sample_data=False) as running, requests.Session() as http:
        http.verify, http.trust_env = str(running.ca_file), False
        sf = Salesforce(instance_url=running.instance_url, session_id=running.access_token, session=http)
        account = part("a", "POST", "sobjects/Account", {"Name": "A"})
        for contact, expected in (({}, [400, 400]), ({"LastName": "C"}, [201, 201])):
            parts = [account, part("c", "POST", "sobjects/Contact", {**contact, "AccountId": "@{a.id}"})]
            answer = sf.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": parts})
            assert [outcome["httpStatusCode"] for outcome in answer["compositeResponse"]] == expected
        rows = sf.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account")["records"]
        assert [(row["Name"], row["Contacts"]["records"][0]["LastName"]) for row in rows] == [("A", "C")]
