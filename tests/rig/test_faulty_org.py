"""The fixture holds each test to account, and what it tells of the org is so."""

from __future__ import annotations

import pytest
from rig.faulty_org import ACCOUNTS, CHILDREN, NAMES, PARENTS

from sfdata.errors import ServerUnavailable


def test_a_fault_that_never_strikes_is_no_proof(faulty):
    """Also where it struck, but less often than it was to; one that chance decides may never come."""
    faulty.fault("status", "limits", probability=0.0)
    faulty.assert_all_consumed()
    faulty.fault("status", "limits", nth=[1, 9])
    faulty.connect().limits()
    with pytest.raises(AssertionError, match="prove nothing"):
        faulty.assert_all_consumed()
    faulty.local.faults.clear()


def test_requests_are_counted_without_being_disturbed(faulty):
    """A count is no fault: it is met, and never strikes."""
    queries, more = faulty.count("query"), faulty.count("query_more")
    frame = faulty.connect().query("SELECT Name FROM Account WHERE Site = 'there' ORDER BY Name", engine="rest")
    assert frame["Name"].tolist() == sorted(NAMES)
    assert (faulty.met(queries), faulty.met(more)) == (1, 2)


def test_the_org_is_asked_past_what_is_tested(faulty):
    """Rows come from the org's own engine, also while every request fails; effects from its ledger."""
    org = faulty.connect()
    made = org.sobject("Account").create({"Name": "oracle"})
    faulty.fault("status", "*")
    with pytest.raises(ServerUnavailable):
        org.query("SELECT Id FROM Account")
    assert faulty.rows("SELECT Id FROM Account WHERE Name = 'oracle'") == [{"Id": made}]
    assert faulty.written() == {(made, "created"): 1}
    assert len(faulty.rows("SELECT Id FROM Account WHERE Site = 'there'")) == ACCOUNTS
    assert len(faulty.rows("SELECT Id FROM Contact")) == PARENTS * CHILDREN
