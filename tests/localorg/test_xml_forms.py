"""The REST API in XML: answers for clients that ask for it, records that come in it."""

from __future__ import annotations

from xml.etree import ElementTree

import httpx
import pytest
from rig.local_rest import BASE, Rest

WANTED = {"Accept": "application/xml"}
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def document(reply: httpx.Response) -> ElementTree.Element:
    assert reply.headers["content-type"] == "application/xml", reply.text
    assert reply.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    return ElementTree.fromstring(reply.content)


def created(web: Rest, name: str, body: str) -> str:
    reply = web.post(f"{BASE}/sobjects/{name}", content=body, headers={**WANTED, "Content-Type": "application/xml"})
    root = document(reply)
    assert (reply.status_code, root.tag, root.findtext("success")) == (201, "Result", "true")
    return root.findtext("id") or ""


def test_records_come_and_go_in_xml(web: Rest) -> None:
    """A record is made of XML, by its parents' external ids too, and read as XML: types and nulls are told apart."""
    created(web, "Account", "<Account><Name>Volt &amp; Co</Name><Ext__c>X-1</Ext__c></Account>")
    parent = "<Account><Ext__c>X-1</Ext__c></Account>"
    body = f"<Contact><LastName>Ng</LastName><Title {XSI} xsi:nil='true'/>{parent}</Contact>"
    contact = created(web, "Contact", body)
    change = "<Contact><DoNotCall>true</DoNotCall></Contact>"
    path = f"{BASE}/sobjects/Contact/{contact}"
    assert (
        web.patch(path, content=change, headers={"Content-Type": "application/xml; charset=UTF-8"}).status_code == 204
    )
    root = document(web.get(path, headers=WANTED, params={"fields": "LastName,Title,DoNotCall"}))
    assert (root.tag, root.attrib) == ("Contact", {"type": "Contact", "url": path})
    assert [(child.tag, child.text, child.get(NIL)) for child in root] == [
        ("LastName", "Ng", None),
        ("Title", None, "true"),
        ("DoNotCall", "true", None),
        ("Id", contact, None),
    ]


def test_a_page_of_a_query_in_xml(web: Rest) -> None:
    """Records are elements with their type and address as attributes, parents and child records inside them."""
    account = created(web, "Account", "<Account><Name>Acme</Name><AnnualRevenue>12</AnnualRevenue></Account>")
    created(web, "Contact", f"<Contact><LastName>Li</LastName><AccountId>{account}</AccountId></Contact>")
    soql = (
        f"SELECT Name, AnnualRevenue, Owner.Name, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '{account}'"
    )
    root = document(web.get(f"{BASE}/query", params={"q": soql}, headers=WANTED))
    assert (root.tag, root.findtext("totalSize"), root.findtext("done")) == ("QueryResult", "1", "true")
    (record,) = root.findall("records")
    assert record.attrib == {"type": "Account", "url": f"{BASE}/sobjects/Account/{account}"}
    assert (record.findtext("Name"), record.findtext("AnnualRevenue")) == ("Acme", "12.0")
    assert record.findtext("Owner/Name")
    assert record.findtext("Contacts/records/LastName") == "Li"


@pytest.mark.parametrize(
    ("path", "root", "inside"),
    [
        ("/services/data", "Versions", "Version/version"),
        (BASE, "urls", "sobjects"),
        (f"{BASE}/sobjects", "DescribeGlobal", "sobjects/name"),
        (f"{BASE}/sobjects/Account", "Account", "objectDescribe/keyPrefix"),
        (f"{BASE}/sobjects/Account/describe", "Account", "fields/soapType"),
        (f"{BASE}/limits", "LimitsSnapshot", "DailyApiRequests/Max"),
    ],
)
def test_resources_by_header_and_by_ending(web: Rest, path: str, root: str, inside: str) -> None:
    """The header and the ending ask for the same document; the other ending is that of JSON."""
    document_by_header = document(web.get(path, headers=WANTED))
    assert document_by_header.tag == root
    assert document_by_header.findtext(inside)
    assert document(web.get(f"{path}.xml")).tag == root
    assert web.get(f"{path}.json", headers=WANTED).json() is not None


def test_errors_in_xml(web: Rest) -> None:
    """Refusals are lists of errors in XML too, and so is the one of XML that cannot be read."""
    root = document(web.get(f"{BASE}/sobjects/Nope/describe", headers=WANTED))
    assert (root.tag, root.findtext("Error/errorCode")) == ("Errors", "NOT_FOUND")
    for body in ("<Account><Name>", "<!DOCTYPE a [<!ENTITY b 'c'>]><Account><Name>&b;</Name></Account>"):
        reply = web.post(f"{BASE}/sobjects/Account", content=body, headers={"Content-Type": "application/xml"})
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "XML_PARSER_ERROR")


def test_json_stays_what_clients_get_that_take_both(web: Rest) -> None:
    """A client that names JSON too, or anything, gets JSON; what ends an external id is no form of an answer."""
    for accepted in ("application/json, application/xml", "*/*"):
        assert web.get(f"{BASE}/sobjects", headers={"Accept": accepted}).json()["encoding"] == "UTF-8"
    path = f"{BASE}/sobjects/Account/Ext__c/site.json"
    assert web.patch(path, json={"Name": "Site"}).status_code == 201
    found = web.get(f"{BASE}/query", params={"q": "SELECT Name FROM Account WHERE Ext__c = 'site.json'"}).json()
    assert found["records"][0]["Name"] == "Site"
