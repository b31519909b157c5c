"""Files go up as multipart messages or as base64, and come down as the bytes they were."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from typing import Any

import httpx
import pytest
from rig.local_rest import BASE, Rest

BOUNDARY = "a_boundary"


@pytest.fixture(scope="module")
def account(web: Rest) -> str:
    return web.created("Account", Name="Acme")


def message(*parts: tuple[str, str, bytes], line_end: bytes = b"\r\n") -> tuple[dict[str, str], bytes]:
    """Headers and body of a multipart message of (name, content type, content), written without any library."""
    body = b""
    for name, kind, content in parts:
        head = [f'Content-Disposition: form-data; name="{name}"; filename="x"']
        head += [f"Content-Type: {kind}"] if kind else []
        body += line_end.join([f"--{BOUNDARY}".encode(), *map(str.encode, head), b"", content, b""])
    return {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}, body + f"--{BOUNDARY}--".encode() + line_end


def fields(**values: Any) -> tuple[str, str, bytes]:
    return "entity_content", "application/json", json.dumps(values).encode()


def file(content: bytes, name: str = "VersionData") -> tuple[str, str, bytes]:
    return name, "application/octet-stream", content


def upload(web: Rest, *parts: tuple[str, str, bytes], to: str = "ContentVersion") -> httpx.Response:
    headers, body = message(*parts)
    return web.post(f"{BASE}/sobjects/{to}", headers=headers, content=body)


TRICKY = (
    b"",
    b"plain",
    b"\r\n",
    b"ends in a carriage return\r",
    b"\r\n\r\n--\r\n",
    b"--" + BOUNDARY.encode(),
    b"text --" + BOUNDARY.encode() + b"\r\nmore",
    b"\r\n--" + BOUNDARY.encode() + b"x\r\n",
    bytes(range(256)) * 3,
)


@pytest.mark.parametrize("content", TRICKY)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_bytes_come_back_as_they_were(web: Rest, content: bytes, line_end: bytes) -> None:
    """Whatever a file holds, if only no line of it is the boundary; with line ends of either kind around it."""
    if content.startswith(b"--"):
        content = b"_" + content
    headers, body = message(fields(PathOnClient="a.bin"), file(content), line_end=line_end)
    reply = web.post(f"{BASE}/sobjects/ContentVersion/", headers=headers, content=body)
    assert reply.status_code == 201, reply.text
    record_id = reply.json()["id"]
    assert reply.headers["Location"] == f"{BASE}/sobjects/ContentVersion/{record_id}"
    down = web.get(f"{BASE}/sobjects/ContentVersion/{record_id}/VersionData")
    assert (down.status_code, down.content) == (200, content)


def test_a_file_is_described_by_its_bytes_and_linked(web: Rest, account: str) -> None:
    """As the sf CLI uploads it: the file first. Size, type and checksum follow; the document is there to be queried."""
    content = random.Random(1).randbytes(300_000)
    parts = {"VersionData": ("Site plan.pdf", content)}
    given = {"Title": "Site plan", "PathOnClient": "Site plan.pdf", "FirstPublishLocationId": account}
    request = web.build_request(
        "POST",
        f"{BASE}/sobjects/ContentVersion",
        files=[*parts.items(), ("entity_content", (None, json.dumps(given), "application/json"))],
    )
    record_id = web.send(request).json()["id"]
    (version,) = web.records(
        "SELECT ContentDocumentId, ContentSize, Checksum, FileType, FileExtension, IsLatest, VersionData "
        f"FROM ContentVersion WHERE Id = '{record_id}'",
    )
    assert version["ContentSize"] == 300_000
    assert version["Checksum"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert (version["FileType"], version["FileExtension"], version["IsLatest"]) == ("PDF", "pdf", True)
    assert web.get(version["VersionData"]).content == content
    document = version["ContentDocumentId"]
    assert web.records(f"SELECT Title FROM ContentDocument WHERE Id = '{document}'") == [{"Title": "Site plan"}]
    links = web.get(
        f"{BASE}/query",
        params={"q": f"SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'"},
    ).json()["records"]
    assert account in {link["LinkedEntityId"] for link in links}

    again = upload(web, fields(PathOnClient="Site plan.pdf", ContentDocumentId=document), file(b"new")).json()["id"]
    versions = {
        row["Id"]: (row["VersionNumber"], row["IsLatest"])
        for row in web.get(
            f"{BASE}/query",
            params={
                "q": f"SELECT Id, VersionNumber, IsLatest FROM ContentVersion WHERE ContentDocumentId = '{document}'"
            },
        ).json()["records"]
    }
    assert versions == {record_id: ("1", False), again: ("2", True)}


def test_attachments_and_documents_go_the_same_way(web: Rest, account: str) -> None:
    """The binary part bears the name of the object's blob field; a PATCH replaces the bytes and may leave the rest."""
    attachment = upload(
        web, fields(ParentId=account, Name="a.txt", ContentType="text/plain"), file(b"one", "Body"), to="Attachment"
    ).json()["id"]
    down = web.get(f"{BASE}/sobjects/Attachment/{attachment}/Body")
    assert (down.content, down.headers["Content-Type"]) == (b"one", "text/plain")
    assert web.records(f"SELECT BodyLength FROM Attachment WHERE Id = '{attachment}'") == [{"BodyLength": 3}]

    user = web.records("SELECT Id FROM User LIMIT 1")[0]["Id"]
    document = upload(web, fields(FolderId=user, Name="Brochure"), file(b"first", "Body"), to="Document").json()["id"]
    headers, body = message(fields(Keywords="new"), file(b"second!", "body"))
    assert web.patch(f"{BASE}/sobjects/Document/{document}", headers=headers, content=body).status_code == 204
    (changed,) = web.records(f"SELECT Name, Keywords, BodyLength FROM Document WHERE Id = '{document}'")
    assert (changed["Name"], changed["Keywords"], changed["BodyLength"]) == ("Brochure", "new", 7)
    assert web.get(f"{BASE}/sobjects/Document/{document}/Body").content == b"second!"


def test_base64_says_the_same(web: Rest) -> None:
    """JSON with the bytes in base64 makes the same file as a multipart message."""
    content = bytes(range(256))
    given = {"PathOnClient": "x.bin", "VersionData": base64.b64encode(content).decode()}
    record_id = web.post(f"{BASE}/sobjects/ContentVersion", json=given).json()["id"]
    assert web.get(f"{BASE}/sobjects/ContentVersion/{record_id}/VersionData").content == content
    assert web.records(f"SELECT ContentSize FROM ContentVersion WHERE Id = '{record_id}'")[0]["ContentSize"] == 256


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([file(b"x")], "Multipart message must include a non-binary part"),
        ([("entity_content", "", b"{}"), file(b"x")], "Multipart message must include a non-binary part"),
        ([fields(), fields(), file(b"x")], "Cannot include more than one non-binary part"),
        ([fields(), file(b"x"), file(b"y")], "Cannot include more than one binary part"),
        ([fields(PathOnClient="x")], "Multipart message must include a binary part"),
        ([fields(), file(b"x", "Title")], "is named Title, which is no binary field of ContentVersion"),
        ([], "Multipart message must include a non-binary part"),
    ],
)
def test_incomplete_messages_are_refused(web: Rest, parts: list[tuple[str, str, bytes]], said: str) -> None:
    """INVALID_MULTIPART_REQUEST and what is wrong, and no record."""
    before = web.records("SELECT COUNT(Id) n FROM ContentVersion")[0]["n"]
    reply = upload(web, *parts)
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, "INVALID_MULTIPART_REQUEST")
    assert said in error["message"]
    assert web.records("SELECT COUNT(Id) n FROM ContentVersion")[0]["n"] == before


@pytest.mark.parametrize("cut", [5, 40, 100, 200, -20])
def test_cut_messages_are_refused(web: Rest, cut: int) -> None:
    """A message that ends too early is no message, wherever it ends."""
    headers, body = message(fields(PathOnClient="x"), file(b"content"))
    reply = web.post(f"{BASE}/sobjects/ContentVersion", headers=headers, content=body[:cut])
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_MULTIPART_REQUEST")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a"]
)
def test_unreadable_content_types_are_refused(web: Rest, kind: str) -> None:
    """Without a boundary there are no parts; another kind of multipart is no media type of this resource."""
    _, body = message(fields(PathOnClient="x"), file(b"content"))
    reply = web.post(f"{BASE}/sobjects/ContentVersion", headers={"Content-Type": kind}, content=body)
    expected = (415, "UNSUPPORTED_MEDIA_TYPE") if "mixed" in kind else (400, "INVALID_MULTIPART_REQUEST")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == expected


def test_errors_in_the_fields_are_those_of_plain_json(web: Rest) -> None:
    """The JSON part is checked like a body of its own, and places in it count from its own beginning."""
    required = upload(web, fields(Name="x"), file(b"x", "Body"), to="Attachment")
    assert required.json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    wrong = ("entity_attachment", "application/json", b'{\n "IsPrivate": "perhaps"}')
    unreadable = upload(web, wrong, file(b"x", "Body"), to="Attachment").json()[0]
    assert unreadable["errorCode"] == "JSON_PARSER_ERROR"
    assert "at [line:2, column:" in unreadable["message"]
