"""What a stage or a status implies: the metadata behind Opportunity.StageName and the statuses that close a record.

Writes derive IsClosed, IsWon, Probability and the forecast category from these tables. See
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_opportunitystage.htm
"""

from __future__ import annotations

from dataclasses import dataclass

#: ForecastCategoryName (what people see and write) by ForecastCategory (what the API keeps beside it).
FORECAST_CATEGORIES = {
    "Omitted": "Omitted",
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "MostLikely": "Most Likely",
    "Forecast": "Commit",
    "Closed": "Closed",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One value of Opportunity.StageName; ``probability`` is in percent."""

    name: str
    probability: int
    forecast_category: str = "Pipeline"
    is_closed: bool = False
    is_won: bool = False

    @property
    def forecast_category_name(self) -> str:
        return FORECAST_CATEGORIES[self.forecast_category]


#: The stages in the order in which a sale passes them.
STAGES = (
    Stage("Prospecting", 10),
    Stage("Qualification", 10),
    Stage("Needs Analysis", 20),
    Stage("Value Proposition", 50),
    Stage("Id. Decision Makers", 60),
    Stage("Perception Analysis", 70),
    Stage("Proposal/Price Quote", 75),
    Stage("Negotiation/Review", 90),
    Stage("Closed Won", 100, "Closed", is_closed=True, is_won=True),
    Stage("Closed Lost", 0, "Omitted", is_closed=True),
)
STAGE_BY_NAME = {stage.name.casefold(): stage for stage in STAGES}

CASE_STATUSES = ("New", "Working", "Escalated", "Closed")
CLOSED_CASE_STATUSES = frozenset({"Closed"})

TASK_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
CLOSED_TASK_STATUSES = frozenset({"Completed"})
TASK_PRIORITIES = ("High", "Normal", "Low")
HIGH_TASK_PRIORITIES = frozenset({"High"})

LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")

#: Contract.StatusCode by Contract.Status.
CONTRACT_STATUS_CODES = {"In Approval Process": "InApproval", "Activated": "Activated", "Draft": "Draft"}
#: Order.StatusCode by Order.Status.
ORDER_STATUS_CODES = {"Draft": "Draft", "Activated": "Activated"}

#: The statuses a new campaign offers its members, and those that count as a response.
CAMPAIGN_MEMBER_STATUSES = ("Sent", "Responded")
RESPONDED_MEMBER_STATUSES = frozenset({"Responded"})


def stage(name: str) -> Stage | None:
    """The stage of that name, told without regard to case."""
    return STAGE_BY_NAME.get(name.casefold())
