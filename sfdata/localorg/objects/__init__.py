"""The standard objects of the local org, declared by domain, and the schema they make together.

Each module declares the objects of one domain in describe order; `fields` has the constructors, `picklists` the values,
`stages` what a stage or status implies. `Field.derived` names the rule by which writes fill a field:

    person_name       Name from the parts of a person's name
    stage             what Opportunity.StageName, Amount and CloseDate imply
    status_closed     IsClosed, ClosedDate and the like from the status (and priority) of a case or task
    line_total        prices and product of an opportunity line
    event_end         start, end, duration and day of an event from those given
    product_copy      name and code copied from the product
    member_copy       what a campaign member shows of its lead or contact
    case_contact      what a case shows of its contact
    activity_account  the account an activity is about
    contract_end      a contract's last day and its status category
    file              what a stored file tells of itself
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sfdata.localorg.objects import (
    activities,
    code,
    content,
    customers,
    marketing,
    organization,
    permission_sets,
    sales,
    scheduling,
    service,
    statuses,
    users,
)
from sfdata.localorg.schema import Schema

DOMAINS = (
    organization, users, permission_sets, customers, sales, marketing, service, activities, content, scheduling,
    statuses, code,
)  # fmt: skip


@cache
def standard_schema() -> Schema:
    """The objects and fields every org of this kind has. One value, shared: a schema does not change."""
    return Schema(sobject for domain in DOMAINS for sobject in domain.OBJECTS)


def build_schema(custom: Path | None = None) -> Schema:
    """The standard schema with the custom objects, fields and validation rules a TOML file declares.

    Raises `sfdata.errors.ConfigurationError` where the file is wrong; see `sfdata.localorg.schemafile`.
    """
    if custom is None:
        return standard_schema()
    from sfdata.localorg.schemafile import extend

    return extend(standard_schema(), custom)
