"""What every org has from its first day: itself, profiles, an administrator, a price book, its hours and statuses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import count, repeat
from typing import Any, Final

import msgspec

from sfdata.localorg.company.tables import fixed_audit, load, new_ids, row
from sfdata.localorg.company.timeline import first_moment
from sfdata.localorg.ids import make_id
from sfdata.localorg.objects import statuses
from sfdata.localorg.objects.scheduling import DAYS
from sfdata.localorg.objects.users import PERMISSIONS
from sfdata.localorg.store import Store

SETTING: Final = "base_records"
USERNAME: Final = "admin@northwind-tools.example"

#: Profile → what its users may do in the whole org.
PROFILES: Final = {
    "System Administrator": frozenset(PERMISSIONS) - {"ApiUserOnly", "PasswordNeverExpires"},
    "Standard User": frozenset({"ApiEnabled", "RunReports", "ExportReport", "EditTask", "EditEvent", "ViewAllUsers"}),
    "Read Only": frozenset({"ApiEnabled", "RunReports"}),
}


@dataclass(frozen=True, slots=True)
class BaseRecords:
    """The org's own records, as far as a login and new rows need them. Ids have 18 characters."""

    organization_id: str
    user_id: str
    username: str
    email: str
    first_name: str
    last_name: str
    display_name: str
    profile_id: str
    locale: str
    language: str
    timezone: str
    standard_pricebook_id: str
    profiles: dict[str, str]


def seed_base(
    store: Store, *, org_id: str | None = None, username: str = USERNAME, as_of: date | None = None
) -> BaseRecords:
    """Load the org's own records, unless the store has them already, and tell which they are.

    ``org_id`` is the organization's Id where it must be a given one; ``as_of`` the day the data is as of, today if not
    given: the org is five years older.
    """
    known = store.setting(SETTING)
    if known is not None:
        return msgspec.json.decode(known, type=BaseRecords)
    with store.transaction():
        base = _new_base(store, org_id, username)
        moment = first_moment(as_of or datetime.now(UTC).date())
        _load_organization(store, base, moment)
        _load_profiles(store, base, moment)
        load(store, "User", _user_row(base, moment))
        _load_pricebook(store, base, moment)
        _load_business_hours(store, base, moment)
        _load_statuses(store, base, moment)
        store.set_setting(SETTING, msgspec.json.encode(asdict(base)).decode())
    return base


def _new_base(store: Store, org_id: str | None, username: str) -> BaseRecords:
    profiles = dict(zip(PROFILES, new_ids(store, "Profile", len(PROFILES)), strict=True))
    return BaseRecords(
        organization_id=org_id or new_ids(store, "Organization", 1)[0],
        user_id=new_ids(store, "User", 1)[0],
        username=username,
        email=username,
        first_name="Ada",
        last_name="Northwind",
        display_name="Ada Northwind",
        profile_id=profiles["System Administrator"],
        locale="en_US",
        language="en_US",
        timezone="GMT",
        standard_pricebook_id=new_ids(store, "Pricebook2", 1)[0],
        profiles=profiles,
    )


def _load_organization(store: Store, base: BaseRecords, moment: str) -> None:
    values: dict[str, Any] = {
        "Id": base.organization_id, "Name": "Northwind Tools", "Street": "1 Harbour Road", "City": "Boston",
        "State": "MA", "PostalCode": "02110", "Country": "US", "Phone": "(617) 555-0100",
        "PrimaryContact": base.display_name, "DefaultLocaleSidKey": base.locale, "TimeZoneSidKey": base.timezone,
        "LanguageLocaleKey": base.language, "FiscalYearStartMonth": 1, "OrganizationType": "Developer Edition",
        "InstanceName": "LOCAL", "IsSandbox": 0, "UiSkin": "Theme3", "SignupCountryIsoCode": "US",
        "PreferencesLightningLoginEnabled": 1, "NumKnowledgeService": 0, "MonthlyPageViewsUsed": 0,
        "MonthlyPageViewsEntitlement": 0,
        "DefaultAccountAccess": "Edit", "DefaultContactAccess": "ControlledByParent",
        "DefaultOpportunityAccess": "Edit", "DefaultLeadAccess": "ReadEditTransfer",
        "DefaultCaseAccess": "ReadEditTransfer", "DefaultCampaignAccess": "All",
        "DefaultCalendarAccess": "HideDetailsInsert", "DefaultPricebookAccess": "ReadSelect",
        "WebToCaseDefaultOrigin": "Web",
    }  # fmt: skip
    load(store, "Organization", {**row(**values), **fixed_audit(base.user_id, moment)})


def _load_profiles(store: Store, base: BaseRecords, moment: str) -> None:
    (license_id,) = new_ids(store, "UserLicense", 1)
    licence = {
        "Id": license_id, "Name": "Salesforce", "MasterLabel": "Salesforce", "LicenseDefinitionKey": "SFDC",
        "TotalLicenses": 20, "UsedLicenses": 1, "Status": "Active",
        "CreatedDate": moment, "LastModifiedDate": moment, "SystemModstamp": moment,
    }  # fmt: skip
    load(store, "UserLicense", row(**licence))
    columns = {
        "Id": base.profiles.values(), "Name": base.profiles,
        "UserLicenseId": repeat(license_id), "UserType": repeat("Standard"),
        **{f"Permissions{name}": [int(name in given) for given in PROFILES.values()] for name in PERMISSIONS},
        **fixed_audit(base.user_id, moment),
    }  # fmt: skip
    load(store, "Profile", columns)


def _user_row(base: BaseRecords, moment: str) -> dict[str, Any]:
    values = {
        "Id": base.user_id, "Username": base.username, "FirstName": base.first_name, "LastName": base.last_name,
        "Name": base.display_name, "CompanyName": "Northwind Tools", "Title": "Administrator", "Email": base.email,
        "Alias": "admin", "CommunityNickname": "admin", "IsActive": 1, "ProfileId": base.profile_id,
        "TimeZoneSidKey": base.timezone, "LocaleSidKey": base.locale, "LanguageLocaleKey": base.language,
        "EmailEncodingKey": "UTF-8", "UserType": "Standard", "LastLoginDate": moment,
        "UserPermissionsMarketingUser": 1, "UserPermissionsSFContentUser": 1, "UserPermissionsInteractionUser": 1,
        "UserPreferencesLightningExperiencePreferred": 1,
    }  # fmt: skip
    return {**row(**values), **fixed_audit(base.user_id, moment)}


def _load_business_hours(store: Store, base: BaseRecords, moment: str) -> None:
    """The default ones: day and night, from midnight to midnight."""
    (hours_id,) = new_ids(store, "BusinessHours", 1)
    always = {f"{day}{end}Time": "00:00:00.000Z" for day in DAYS for end in ("Start", "End")}
    hours = row(Id=hours_id, Name="Default", IsActive=1, IsDefault=1, TimeZoneSidKey=base.timezone, **always)
    load(store, "BusinessHours", {**hours, **fixed_audit(base.user_id, moment)})


def _load_statuses(store: Store, base: BaseRecords, moment: str) -> None:
    """What stages and statuses there are, with Ids of one series."""
    numbers = count(1)
    for name, records in statuses.RECORDS.items():
        columns = {key: [record[key] for record in records] for key in records[0]}
        columns["Id"] = [make_id(statuses.KEY_PREFIX, next(numbers)) for _ in records]
        load(store, name, {**columns, **fixed_audit(base.user_id, moment)})


def _load_pricebook(store: Store, base: BaseRecords, moment: str) -> None:
    book = row(Id=base.standard_pricebook_id, Name="Standard Price Book", IsActive=1, IsStandard=1)
    load(store, "Pricebook2", {**book, **fixed_audit(base.user_id, moment)})
