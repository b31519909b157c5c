"""Whose result is whose, and what does not add up: result files brought back to the rows that were sent."""

from __future__ import annotations

import pytest

from sfdata.api.bulk_ingest import IngestJob
from sfdata.errors import UnreadableAnswer
from sfdata.transfer.account import ResultFiles, account

ID = [f"001000000000{n:03}AAA" for n in range(10)]


def told(sent, successful=(), failed=(), unprocessed=(), *, key=None, operation="insert", counts=None):
    """The account of a job: rows are texts of cells, the results' own two cells before them."""
    header, *rows = sent
    files = [
        f'"sf__Id","sf__Created",{header}\n' + "".join(f"{row}\n" for row in successful),
        f'"sf__Id","sf__Error",{header}\n' + "".join(f"{row}\n" for row in failed),
        f"{header}\n" + "".join(f"{row}\n" for row in unprocessed),
    ]
    processed, wrong = counts or (len(successful) + len(failed), len(failed))
    job = IngestJob("750", "JobComplete", "Account", operation, processed, wrong)
    content = "".join(f"{row}\n" for row in (header, *rows)).encode()
    return account(content, ResultFiles(*(file.encode() for file in files)), job, key)


def bins(found):
    return found.outcomes["outcome"].to_pylist()


def ids(found):
    return found.outcomes["id"].to_pylist()


SENT = ["Name,Phone", '"a","1"', '"b","2"', '"b","2"', '"c","3"']


@pytest.mark.catalogue("B10")
def test_each_row_gets_its_own_result_whatever_the_order():
    """Rows are told by their cells; the code and the message of an error come apart, and equal rows get an Id each."""
    found = told(
        SENT,
        [f'"{ID[2]}","true","b","2"', f'"{ID[0]}","true","a","1"', f'"{ID[1]}","false","b","2"'],
        ['"","INVALID_FIELD:no: good:--","c","3"'],
    )
    assert found.problem is None
    assert found.outcomes.to_pylist() == [
        {"outcome": "succeeded", "id": ID[0], "created": True, "code": None, "error": None},
        {"outcome": "succeeded", "id": ID[2], "created": True, "code": None, "error": None},
        {"outcome": "succeeded", "id": ID[1], "created": False, "code": None, "error": None},
        {"outcome": "failed", "id": None, "created": None, "code": "INVALID_FIELD", "error": "no: good:--"},
    ]


@pytest.mark.catalogue("B9")
@pytest.mark.parametrize("counts", [(3, 0), (None, None)])
def test_a_row_in_no_file_is_unaccounted_and_needs_attention(counts):
    """Also where the job's own counts agree with its files, or it tells none."""
    successful = [f'"{ID[0]}","true","a","1"', f'"{ID[1]}","true","b","2"', f'"{ID[2]}","true","c","3"']
    found = told(SENT, successful, counts=counts)
    assert bins(found) == ["succeeded", "succeeded", "unaccounted", "succeeded"]
    assert "4 rows were sent" in found.problem


def test_a_result_for_no_row_leaves_nothing_guessed():
    """One cell that was never sent makes the whole job doubtful."""
    found = told(SENT, [f'"{ID[0]}","true","a","1"', f'"{ID[1]}","true","z","9"'], unprocessed=SENT[2:4])
    assert bins(found) == ["unaccounted"] * 4
    assert "none of the rows" in found.problem


def test_one_row_is_in_one_bin():
    """A row told twice is a contradiction, not a success."""
    found = told(SENT[:2], [f'"{ID[0]}","true","a","1"'], ['"","X:y","a","1"'])
    assert bins(found) == ["unaccounted"]
    twice = told(
        ["Id,Name", f'"{ID[0]}","a"', f'"{ID[1]}","b"'],
        [f'"{ID[0]}","false","{ID[0]}","a"', f'"{ID[0]}","false","{ID[0]}","A"'],
        key="Id",
        operation="update",
    )
    assert bins(twice) == ["unaccounted"] * 2
    assert "two results" in twice.problem


@pytest.mark.parametrize(
    ("cell", "echo"), [('"x\r\ny"', '"x\ny"'), ('"x\ry"', '"x\ny"'), ('" x "', '"x"'), ('"x\ny"', '"x\r\ny"')]
)
def test_what_orgs_do_to_white_space_does_not_hide_a_row(cell, echo):
    """Line ends and outer blanks are compared alike."""
    assert bins(told(["Name", cell], [f'"{ID[0]}","true",{echo}'])) == ["succeeded"]


@pytest.mark.parametrize(("sent", "echo"), [("Ab", "aB"), ("007", "7"), ("7", "7.0"), ("-0.50", "-0.5")])
def test_a_key_finds_a_row_whose_cells_the_org_writes_its_own_way(sent, echo):
    """Keys are compared as fields compare them: without case, numbers by value."""
    rows = ["Ext__c,Amount", f'"{sent}","1"', '"other","2"']
    results = [f'"{ID[1]}","false","other","2.00"', f'"{ID[0]}","true","{echo}","1.00"']
    found = told(rows, results, key="Ext__c", operation="upsert")
    assert (found.problem, ids(found)) == (None, [ID[0], ID[1]])


def test_a_key_of_several_rows_tells_none_of_them_apart():
    """Two updates of one record, one written and one refused: which is which is not guessed by their order."""
    rows = ["Id,Amount", f'"{ID[0]}","1"', f'"{ID[0]}","2"']
    results = [f'"{ID[0]}","false","{ID[0]}","2.00"']
    found = told(rows, results, [f'"{ID[0]}","X:y","{ID[0]}","1.00"'], key="Id", operation="update")
    assert bins(found) == ["unaccounted"] * 2
    one = told(rows, results, key="Id", operation="update")
    assert bins(one) == ["unaccounted"] * 2
    exact = told(
        rows, [f'"{ID[0]}","false","{ID[0]}","2"'], [f'"{ID[0]}","X:y","{ID[0]}","1"'], key="Id", operation="update"
    )
    assert (exact.problem, bins(exact)) == (None, ["failed", "succeeded"])


@pytest.mark.parametrize(
    ("counts", "told_so"), [((3, 1), "3 rows processed"), ((1, 0), "1 rows processed"), ((2, 0), "0 rows failed")]
)
def test_the_jobs_own_counts_are_held_against_its_files(counts, told_so):
    """What the files hold is told as it is, and the contradiction with it."""
    found = told(SENT[:3], [f'"{ID[0]}","true","a","1"'], ['"","X:y","b","2"'], counts=counts)
    assert bins(found) == ["succeeded", "failed"]
    assert told_so in found.problem


@pytest.mark.parametrize(
    ("results", "told_so"),
    [
        ([f'"{ID[0]}","true","a","1"', f'"{ID[0]}","true","b","2"'], "one Id"),
        (['"","true","a","1"', f'"{ID[0]}","true","b","2"'], "without an Id"),
        (['"001","true","a","1"', f'"{ID[0]}","true","b","2"'], "without an Id"),
    ],
)
def test_a_success_has_an_id_of_its_own(results, told_so):
    """An insert makes as many records as rows succeeded."""
    assert told_so in told(SENT[:3], results).problem


def test_a_row_that_names_a_record_comes_back_with_its_id():
    """15 and 18 characters are the same; the Id of another record is a contradiction."""
    rows = ["Id", f'"{ID[0]}"', f'"{ID[1]}"']
    right = [f'"{ID[1][:15]}","false","{ID[1]}"', f'"{ID[0]}","false","{ID[0]}"']
    assert told(rows, right, key="Id", operation="delete").problem is None
    wrong = [f'"{ID[0]}","false","{ID[1]}"', f'"{ID[1]}","false","{ID[0]}"']
    assert "another record" in told(rows, wrong, key="Id", operation="delete").problem
    created = told(["Id,Name", '"","a"'], [f'"{ID[0]}","true","","a"'], key="Id", operation="upsert")
    assert created.problem is None


@pytest.mark.catalogue("B11")
def test_a_file_of_other_columns_is_refused():
    """A page of HTML, or the results of another job, are no results of this one; an empty file has no rows."""
    job = IngestJob("750", "Failed", "Account", "insert", 0, 0)
    empty = account(b'Name\n"a"\n', ResultFiles(b"", b"", b'Name\n"a"\n'), job, None)
    assert bins(empty) == ["unprocessed"]
    for file in (
        b"<html>",
        b'"sf__Id","sf__Created","Phone"\n',
        b'"sf__Id"\n',
        b'"sf__Id","sf__Created","Name"\n"a"\n',
    ):
        with pytest.raises(UnreadableAnswer):
            account(b'Name\n"a"\n', ResultFiles(file, b"", b""), job, None)


@pytest.mark.parametrize(("key", "operation"), [(None, "insert"), ("Id", "update")])
def test_a_job_in_which_no_row_succeeded_contradicts_nothing(key, operation):
    """All rows refused, or none processed, is an answer like any other."""
    rows = ["Id,Name", f'"{ID[0]}","a"', f'"{ID[1]}","b"']
    refused = [f'"{ID[n]}","X:y",{rows[n + 1]}' for n in range(2)]
    for results in ({"failed": refused}, {"unprocessed": rows[1:]}):
        assert told(rows, **results, key=key, operation=operation).problem is None
