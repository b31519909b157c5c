"""A cursor that expires half way: the rows are all there in the end, or an error says that they are not."""

from __future__ import annotations

import httpx
import pytest

from sfdata.errors import InvalidQueryLocator

EXPIRED = httpx.Response(400, json=[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}])
ORDERED = "SELECT Id, Name FROM Account WHERE Name != 'x' OR Name = null ORDER BY Id LIMIT 6"


def ids(frame):
    return [int(record_id) for record_id in frame["Id"]]


@pytest.mark.catalogue("Q5")
def test_a_whole_result_is_read_again(org, soql, page):
    """Nobody has seen a row yet, so the query is run again from the beginning, once."""
    org.pages = {"q": [page(0, 3, 6, "c-3")], "c-3": [EXPIRED, EXPIRED, page(3, 6, 6)]}
    assert ids(soql("SELECT Id, Name FROM Account").to_pandas()) == [0, 1, 2, 3, 4, 5]
    org.pages["c-3"] = [EXPIRED]
    with pytest.raises(InvalidQueryLocator):
        soql("SELECT Id, Name FROM Account").to_pandas()


@pytest.mark.catalogue("Q5")
def test_rows_that_were_handed_out_are_not_read_again_where_their_ids_are_in_order(org, soql, page):
    """Ordered by Id, the query goes on behind the last record, with what is left of its LIMIT."""
    org.pages = {"q": [page(0, 3, 6, "c-3"), page(3, 6, 3)], "c-3": [EXPIRED]}
    assert [ids(chunk) for chunk in soql(ORDERED).chunks(2)] == [[0, 1], [2, 3], [4, 5]]
    assert org.asked[-1] == (
        "SELECT Id, Name FROM Account WHERE (Name != 'x' OR Name = null) AND Id > '000000000000000002'"
        " ORDER BY Id LIMIT 3"
    )


@pytest.mark.catalogue("Q5")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT Id, Name FROM Account",
        "SELECT Id, Name FROM Account ORDER BY Id DESC",
        "SELECT Id, Name FROM Account ORDER BY Name, Id",
        "SELECT Id, Name FROM Account ORDER BY Id LIMIT 6 OFFSET 1",
    ],
)
def test_rows_that_were_handed_out_make_the_error_final_where_they_are_not(org, soql, page, text):
    """Without an order by Id alone there is no telling which rows are left: chunks raise."""
    org.pages = {"q": [page(0, 3, 6, "c-3")], "c-3": [EXPIRED]}
    chunks = soql(text).chunks(3)
    assert ids(next(chunks)) == [0, 1, 2]
    with pytest.raises(InvalidQueryLocator):
        list(chunks)


@pytest.mark.catalogue("Q5")
def test_no_progress_is_no_reason_to_ask_for_ever(org, soql, page):
    """A cursor that expires before it brought a row raises."""
    org.pages = {"q": [page(0, 3, 6, "c-3"), EXPIRED], "c-3": [EXPIRED]}
    chunks = soql(ORDERED).chunks(3)
    next(chunks)
    with pytest.raises(InvalidQueryLocator):
        list(chunks)
