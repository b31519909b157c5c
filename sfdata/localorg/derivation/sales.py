"""What a stage, a price or a contract's term implies."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sfdata.localorg.derivation.draft import Draft, object_named, row_of
from sfdata.localorg.objects.stages import CONTRACT_STATUS_CODES, FORECAST_CATEGORIES, Stage, stage
from sfdata.localorg.records.validation import datetime_text, refusal
from sfdata.localorg.store import Store

CENTS = 2
FORECAST_CATEGORY_BY_NAME = {label: category for category, label in FORECAST_CATEGORIES.items()}
WRONG_ENTRY = "field integrity exception: PricebookEntryId (pricebook entry has been deleted or is inactive)"
OTHER_PRICEBOOK = (
    "field integrity exception: PricebookEntryId (pricebook entry is in a different pricebook than the one assigned "
    "to the opportunity)"
)


# --- opportunities ---------------------------------------------------------------------------------------------------


def stage_fields(draft: Draft) -> None:
    """The stage closes, wins and forecasts a deal; probability and category follow it unless the request gives them."""
    row = draft.row
    reached = stage(row["StageName"]) or Stage(row["StageName"], 0)
    row["IsClosed"], row["IsWon"] = int(reached.is_closed), int(reached.is_won)
    if draft.changed("StageName"):
        if row["Probability"] is None or "Probability" not in draft.given:
            row["Probability"] = float(reached.probability)
        if row["ForecastCategoryName"] is None or "ForecastCategoryName" not in draft.given:
            row["ForecastCategoryName"] = reached.forecast_category_name
        if draft.before is not None:
            row["LastStageChangeDate"] = datetime_text(draft.now)
    row["ForecastCategory"] = FORECAST_CATEGORY_BY_NAME.get(row["ForecastCategoryName"], reached.forecast_category)
    if draft.before is not None and row["HasOpportunityLineItem"]:
        # Salesforce ignores a new amount on a deal with products: the products are the amount.
        row["Amount"] = draft.before["Amount"]
    row["ExpectedRevenue"] = expected_revenue(row)
    closing = date.fromisoformat(row["CloseDate"])
    row["FiscalYear"], row["FiscalQuarter"] = closing.year, (closing.month + 2) // 3
    row["Fiscal"] = f"{row['FiscalYear']} {row['FiscalQuarter']}"


def expected_revenue(row: Mapping[str, Any]) -> float | None:
    """Amount by probability, which is in percent."""
    amount: float | None = row["Amount"]
    return None if amount is None else round(amount * (row["Probability"] or 0) / 100, CENTS)


def sum_up_lines(
    store: Store, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, now: datetime
) -> None:
    """Bring an opportunity in step with its products after one of them came, changed or went."""
    line = after or before
    opportunity = row_of(store, line["OpportunityId"]) if line else None
    if line is None or opportunity is None or opportunity["IsDeleted"]:
        return
    sobject = object_named(store, "Opportunity")
    lines = store.find(object_named(store, "OpportunityLineItem"), "OpportunityId", opportunity["Id"])
    totals = {
        "Amount": round(sum(item["TotalPrice"] or 0.0 for item in lines), CENTS),
        "TotalOpportunityQuantity": round(sum(item["Quantity"] or 0.0 for item in lines), CENTS),
        "HasOpportunityLineItem": int(bool(lines)),
        "LastModifiedDate": datetime_text(now),
        "SystemModstamp": datetime_text(now),
    }
    if opportunity["Pricebook2Id"] is None and after is not None:
        entry = row_of(store, after["PricebookEntryId"])
        totals["Pricebook2Id"] = entry["Pricebook2Id"] if entry else None
    totals["ExpectedRevenue"] = expected_revenue({**opportunity, **totals})
    store.update(sobject, opportunity["Id"], totals)


# --- products --------------------------------------------------------------------------------------------------------


def line_total(draft: Draft) -> None:
    """A line is priced from its price book entry; total, price, quantity and discount agree."""
    row = draft.row
    if draft.before is None:
        row["PricebookEntryId"] = _entry_id(draft)
    entry, opportunity = draft.parent("PricebookEntryId"), draft.parent("OpportunityId")
    if entry is not None and opportunity is not None:
        if opportunity["Pricebook2Id"] not in (None, entry["Pricebook2Id"]):
            raise refusal("FIELD_INTEGRITY_EXCEPTION", OTHER_PRICEBOOK, ["PricebookEntryId"])
        row["Product2Id"], row["ProductCode"] = entry["Product2Id"], entry["ProductCode"]
        row["Name"], row["ListPrice"] = f"{opportunity['Name']} {entry['Name']}", entry["UnitPrice"]
    _agree(draft)


def _entry_id(draft: Draft) -> str:
    """The price book entry of a new line: given, or the active one for the product in the deal's price book."""
    row = draft.row
    if row["PricebookEntryId"] is not None:
        return str(row["PricebookEntryId"])
    if row["Product2Id"] is None:
        raise refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [PricebookEntryId]", ["PricebookEntryId"])
    opportunity = draft.parent("OpportunityId") or {}
    pricebook = opportunity.get("Pricebook2Id")
    entries = draft.store.find(object_named(draft.store, "PricebookEntry"), "Product2Id", row["Product2Id"])
    usable = [e for e in entries if e["IsActive"] and pricebook in (None, e["Pricebook2Id"])]
    if not usable:
        raise refusal("FIELD_INTEGRITY_EXCEPTION", WRONG_ENTRY, ["PricebookEntryId"])
    return str(usable[0]["Id"])


def _agree(draft: Draft) -> None:
    row, given = draft.row, draft.given
    share = 1 - (row["Discount"] or 0.0) / 100
    sold = row["Quantity"] * share
    if "TotalPrice" in given and "UnitPrice" not in given and row["TotalPrice"] is not None:
        row["UnitPrice"] = round(row["TotalPrice"] / sold, CENTS) if sold else row["UnitPrice"]
    elif draft.changed("Quantity", "UnitPrice", "Discount"):
        if row["UnitPrice"] is None:
            row["UnitPrice"] = row["ListPrice"]
        row["TotalPrice"] = round((row["UnitPrice"] or 0.0) * sold, CENTS)
    row["Subtotal"] = round((row["UnitPrice"] or 0.0) * row["Quantity"], CENTS)


def product_copy(draft: Draft) -> None:
    """Price book entries are called like their product; they and assets carry its code."""
    product = draft.parent("Product2Id") or {}
    draft.row["ProductCode"] = product.get("ProductCode")
    if draft.sobject.name == "PricebookEntry":
        draft.row["Name"] = product.get("Name")


# --- contracts -------------------------------------------------------------------------------------------------------


def contract_end(draft: Draft) -> None:
    """A contract ends the day before its term in months is over; its status code follows its status."""
    row = draft.row
    row["StatusCode"] = CONTRACT_STATUS_CODES.get(row["Status"], "Draft")
    started, months = row["StartDate"], row["ContractTerm"]
    try:
        row["EndDate"] = _months_later(started, months).isoformat() if started and months else None
    except ValueError:
        problem = f"Contract Term: value outside of valid range on numeric field: {months}"
        raise refusal("NUMBER_OUTSIDE_VALID_RANGE", problem, ["ContractTerm"]) from None


def _months_later(started: str, months: int) -> date:
    start = date.fromisoformat(started)
    years, month = divmod(start.month - 1 + months, 12)
    day = min(start.day, monthrange(start.year + years, month + 1)[1])
    return start.replace(year=start.year + years, month=month + 1, day=day) - timedelta(days=1)
