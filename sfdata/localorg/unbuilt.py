"""What Salesforce has and the local org has not: resources that are refused by their name, not with a bare 404.

The vendor's list: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sfdata.localorg.answers import ApiError

VERSION = "/services/data/v{version}"

RESOURCES: Mapping[str, str] = {
    "/actions": "Invocable actions",
    "/analytics": "Reports and dashboards",
    "/appMenu": "App menu",
    "/async-queries": "Async SOQL",
    "/chatter": "Chatter",
    "/commerce": "Commerce",
    "/connect": "Connect REST API",
    "/consent": "Consent",
    "/dedupe": "Duplicate management",
    "/einstein": "Einstein",
    "/event": "Event schemas",
    "/folders": "Folders of reports and dashboards",
    "/graphql": "GraphQL",
    "/knowledgeManagement": "Knowledge management",
    "/licensing": "Licensing",
    "/localizedvalue": "Localized values",
    "/metadata": "Metadata REST API",
    "/mobile": "Mobile",
    "/nouns": "Nouns",
    "/payments": "Payments",
    "/process": "Approvals and process rules",
    "/quickActions": "Quick actions",
    "/scheduling": "Scheduling",
    "/search/layout": "Search result layouts",
    "/search/suggestSearchQueries": "Suggested search queries",
    "/search/suggestTitleMatches": "Suggested article titles",
    "/search/suggestions": "Suggested records",
    "/serviceTemplates": "Service templates",
    "/smartdatadiscovery": "Einstein Discovery",
    "/support": "Knowledge support",
    "/tooling/apexManifest": "Apex manifest",
    "/tooling/completions": "Code completions",
    "/tooling/composite": "Composite resources of the Tooling API",
    "/tooling/executeAnonymous": "Anonymous Apex",
    "/tooling/runTestsAsynchronous": "Apex tests",
    "/tooling/runTestsSynchronous": "Apex tests",
    "/tooling/search": "Search by the Tooling API",
    "/ui-api": "User Interface API",
    "/wave": "CRM Analytics",
}
"""Resources below a version, and everything below them."""

OF_OBJECTS: Mapping[str, str] = {
    "/sobjects/relevantItems": "Relevant items",
    "/sobjects/{name}/defaultValues": "Default values",
    "/sobjects/{name}/describe/namedLayouts": "Named layouts",
    "/sobjects/{name}/eventSchema": "Event schemas",
    "/sobjects/{name}/listviews": "List views",
    "/sobjects/{name}/quickActions": "Quick actions",
    "/sobjects/{name}/{key}/richTextImageFields": "Images in rich text",
}
"""The same where a row of an object would be looked for."""

ELSEWHERE: Mapping[str, str] = {
    "/cometd": "Streaming API (CometD)",
    "/services/Soap/m": "Metadata API (SOAP)",
    "/services/Soap/s": "Apex API (SOAP)",
    "/services/apexrest": "Apex REST",
    "/services/async/{version}/job/{id}/spec": "Field maps of Bulk API 1.0",
    "/services/scim": "SCIM (users kept by identity providers)",
}
"""Whole APIs beside REST."""

BY_PATTERN: Mapping[str, str] = {
    **{f"{VERSION}{path}": what for path, what in {**RESOURCES, **OF_OBJECTS}.items()},
    **ELSEWHERE,
}


def refuse(path: str) -> None:
    """Do nothing for a path that leads nowhere.

    Raises:
        ApiError: 501 for one that leads to something that is not built.
    """
    _refuse(_ANY, path)


def refuse_of_objects(path: str) -> None:
    """The same for the resources that would otherwise be taken for rows."""
    _refuse(_OF_OBJECTS, path)


def _refuse(any_of: re.Pattern[str], path: str) -> None:
    found = any_of.fullmatch(path)
    if found is not None:
        what = tuple(BY_PATTERN.values())[int(str(found.lastgroup)[1:])]
        raise ApiError(501, "NOT_IMPLEMENTED", f"The local org does not serve {what} yet.")


def _any_of(wanted: str) -> re.Pattern[str]:
    """One pattern for all paths that begin like this; its group bears the number of the resource."""
    branches = [
        f"(?P<n{number}>{_regex(pattern)})" for number, pattern in enumerate(BY_PATTERN) if pattern.startswith(wanted)
    ]
    return re.compile(f"(?:{'|'.join(branches)})(?:/.*)?", re.IGNORECASE | re.DOTALL)


def _regex(pattern: str) -> str:
    parts = re.split(r"\{\w+\}", pattern)
    return "[^/]+".join(map(re.escape, parts))


_ANY = _any_of("")
_OF_OBJECTS = _any_of(f"{VERSION}/sobjects/")
