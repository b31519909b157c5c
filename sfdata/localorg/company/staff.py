"""The company's own people: users with roles and profiles, queues, and the record types they work by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Final

from sfdata.localorg.company.draws import deck
from sfdata.localorg.company.tables import fixed_audit, load, new_ids
from sfdata.localorg.store import Store

DOMAIN: Final = "northwind-tools.example"

#: Role → the role above it.
ROLES: Final = {"CEO": None, "Sales": "CEO", "Service": "CEO"}


@dataclass(frozen=True, slots=True)
class Employee:
    """``weight`` is the share of the records of the role's kind that the user owns."""

    first: str
    last: str
    mailbox: str
    title: str
    role: str
    profile: str
    timezone: str
    locale: str
    language: str
    weight: int = 0
    active: bool = True


EMPLOYEES: Final = (
    Employee("Margaret", "O'Hara", "margaret.ohara", "Chief Executive Officer", "CEO", "Standard User",
             "America/New_York", "en_US", "en_US"),
    Employee("Jürgen", "Weiß", "juergen.weiss", "VP Sales, EMEA", "Sales", "Standard User", "Europe/Berlin", "de_DE",
             "de", weight=36),
    Employee("Aiko", "Tanaka", "aiko.tanaka", "Sales Manager, APAC", "Sales", "Standard User", "Asia/Tokyo", "ja_JP",
             "ja", weight=20),
    Employee("DeShawn", "Carter", "deshawn.carter", "Account Executive", "Sales", "Standard User", "America/Chicago",
             "en_US", "en_US", weight=90),
    Employee("Zoë", "van den Berg", "zoe.vandenberg", "Account Executive", "Sales", "Standard User",
             "Europe/Amsterdam", "nl_NL", "nl_NL", weight=48),
    Employee("Łukasz", "Żak", "lukasz.zak", "Inside Sales", "Sales", "Standard User", "Europe/Warsaw", "pl_PL",
             "en_US", weight=26),
    Employee("María José", "Peña", "mariajose.pena", "Account Executive", "Sales", "Standard User", "Europe/Madrid",
             "es_ES", "es", weight=16),
    Employee("Priya", "Iyer", "priya.iyer", "Support Engineer", "Service", "Standard User", "Asia/Kolkata", "en_IN",
             "en_US", weight=80),
    Employee("Tom", "Null", "tom.null", "Support Engineer", "Service", "Standard User", "America/Los_Angeles",
             "en_US", "en_US", weight=60),
    Employee("Siobhán", "Byrne", "siobhan.byrne", "Head of Service", "Service", "Standard User", "Europe/Dublin",
             "en_IE", "en_US", weight=24),
    Employee("Hans-Peter", "Groß", "hans-peter.gross", "Auditor", "CEO", "Read Only", "Europe/Zurich", "de_CH", "de",
             active=False),
)  # fmt: skip

#: Queue → the object whose records it may own, and the role whose users take them from it.
QUEUES: Final = {
    "Support Queue": ("Case", "Service"), "Escalations": ("Case", "Service"), "Web Leads": ("Lead", "Sales"),
}  # fmt: skip
PUBLIC_GROUPS: Final = ("All Sales", "Field Technicians")

RECORD_TYPES: Final = {
    "Account": ("Customer", "Partner"),
    "Opportunity": ("New Business", "Renewal"),
    "Case": ("Technical Support", "Billing"),
}


@dataclass(frozen=True)
class Staff:
    """Ids of the users (the administrator first, then as in EMPLOYEES), queues and record types, by name."""

    users: tuple[str, ...]
    queues: dict[str, str]
    record_types: dict[str, str]

    @property
    def admin(self) -> str:
        return self.users[0]

    @cached_property
    def sellers(self) -> tuple[str, ...]:
        """A deck of the users who own accounts and sales; few of them own most."""
        return deck(self._weights("Sales") | {self.admin: 8})

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """A deck of those who own cases: users, and queues for cases nobody has taken."""
        return deck(self._weights("Service") | {self.queues["Support Queue"]: 26, self.queues["Escalations"]: 6})

    @cached_property
    def lead_owners(self) -> tuple[str, ...]:
        """A deck of those who own leads: users, and the queue for leads from the web."""
        return deck(self._weights("Sales") | {self.queues["Web Leads"]: 60})

    def people_for(self, owners: Sequence[str]) -> list[str]:
        """Who acts for each owner: the user itself, the administrator for a queue."""
        queues = frozenset(self.queues.values())
        return [self.admin if owner in queues else owner for owner in owners]

    def _weights(self, role: str) -> dict[str, int]:
        hired = zip(EMPLOYEES, self.users[1:], strict=True)
        return {user: employee.weight for employee, user in hired if employee.role == role}


def hire(store: Store, admin: str, profiles: dict[str, str], moment: str) -> Staff:
    """Load roles, users, queues, groups and record types, all made by the administrator at ``moment``."""
    roles = dict(zip(ROLES, new_ids(store, "UserRole", len(ROLES)), strict=True))
    _load_roles(store, roles, admin, moment)
    users = new_ids(store, "User", len(EMPLOYEES))
    _load_users(store, users, roles, profiles, admin, moment)
    queues = dict(zip(QUEUES, new_ids(store, "Group", len(QUEUES)), strict=True))
    _load_groups(store, queues, admin, moment)
    _load_queues(store, queues, users, admin, moment)
    return Staff((admin, *users), queues, _load_record_types(store, admin, moment))


def _load_roles(store: Store, roles: dict[str, str], admin: str, moment: str) -> None:
    columns = {
        "Id": roles.values(), "Name": roles, "DeveloperName": roles,
        "ParentRoleId": [roles[above] if above else None for above in ROLES.values()],
        "CaseAccessForAccountOwner": repeat("Edit"), "ContactAccessForAccountOwner": repeat("Edit"),
        "PortalType": repeat("None"),
        "LastModifiedDate": repeat(moment), "LastModifiedById": repeat(admin), "SystemModstamp": repeat(moment),
    }  # fmt: skip
    load(store, "UserRole", columns)


def _load_users(
    store: Store, users: list[str], roles: dict[str, str], profiles: dict[str, str], admin: str, moment: str
) -> None:
    columns = {
        "Id": users,
        "Username": [f"{e.mailbox}@{DOMAIN}" for e in EMPLOYEES],
        "LastName": [e.last for e in EMPLOYEES],
        "FirstName": [e.first for e in EMPLOYEES],
        "Name": [f"{e.first} {e.last}" for e in EMPLOYEES],
        "CompanyName": repeat("Northwind Tools"),
        "Title": [e.title for e in EMPLOYEES],
        "Department": [e.role for e in EMPLOYEES],
        "Email": [f"{e.mailbox}@{DOMAIN}" for e in EMPLOYEES],
        "Alias": [e.mailbox.replace(".", "")[:8] for e in EMPLOYEES],
        "CommunityNickname": [e.mailbox for e in EMPLOYEES],
        "IsActive": [int(e.active) for e in EMPLOYEES],
        "TimeZoneSidKey": [e.timezone for e in EMPLOYEES],
        "LocaleSidKey": [e.locale for e in EMPLOYEES],
        "LanguageLocaleKey": [e.language for e in EMPLOYEES],
        "EmailEncodingKey": repeat("UTF-8"),
        "UserType": repeat("Standard"),
        "UserRoleId": [roles[e.role] for e in EMPLOYEES],
        "ProfileId": [profiles[e.profile] for e in EMPLOYEES],
        "ManagerId": [None, *repeat(users[0], len(users) - 1)],
        "EmployeeNumber": [f"{number:05}" for number, _ in enumerate(EMPLOYEES, 1)],
        "ForecastEnabled": [int(e.role == "Sales") for e in EMPLOYEES],
        **fixed_audit(admin, moment),
    }
    load(store, "User", columns)


def _load_groups(store: Store, queues: dict[str, str], admin: str, moment: str) -> None:
    names = (*QUEUES, *PUBLIC_GROUPS)
    columns = {
        "Id": (*queues.values(), *new_ids(store, "Group", len(PUBLIC_GROUPS))),
        "Name": names,
        "DeveloperName": [name.replace(" ", "_") for name in names],
        "Type": (*repeat("Queue", len(QUEUES)), *repeat("Regular", len(PUBLIC_GROUPS))),
        "Email": [f"{name.lower().replace(' ', '.')}@{DOMAIN}" if name in QUEUES else None for name in names],
        "OwnerId": repeat(admin),
        **fixed_audit(admin, moment),
    }
    load(store, "Group", columns)


def _load_queues(store: Store, queues: dict[str, str], users: list[str], admin: str, moment: str) -> None:
    """What the queues serve, and who takes records from them."""
    served = {
        "Id": new_ids(store, "QueueSobject", len(QUEUES)),
        "QueueId": queues.values(),
        "SobjectType": [sobject for sobject, _ in QUEUES.values()],
        "CreatedById": repeat(admin),
        "SystemModstamp": repeat(moment),
    }
    load(store, "QueueSobject", served)
    hired = list(zip(users, EMPLOYEES, strict=True))
    members = [(queues[n], user) for n, (_, role) in QUEUES.items() for user, e in hired if e.role == role]
    columns = {
        "Id": new_ids(store, "GroupMember", len(members)),
        "GroupId": [queue for queue, _ in members],
        "UserOrGroupId": [user for _, user in members],
        "SystemModstamp": repeat(moment),
    }
    load(store, "GroupMember", columns)


def _load_record_types(store: Store, admin: str, moment: str) -> dict[str, str]:
    named = [(name, sobject) for sobject, names in RECORD_TYPES.items() for name in names]
    ids = new_ids(store, "RecordType", len(named))
    columns = {
        "Id": ids,
        "Name": [name for name, _ in named],
        "DeveloperName": [name.replace(" ", "_") for name, _ in named],
        "SobjectType": [sobject for _, sobject in named],
        "IsActive": repeat(1),
        **fixed_audit(admin, moment),
    }
    load(store, "RecordType", columns)
    return {name: record_type for (name, _), record_type in zip(named, ids, strict=True)}
