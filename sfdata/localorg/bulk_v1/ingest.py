"""What a worker does for a batch that writes records: read it as a whole, then write, 200 records to a transaction.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_concepts_limits.htm
"""

from __future__ import annotations

from sfdata.localorg.bulk.dialect import DataRefused
from sfdata.localorg.bulk.ingest import chunks
from sfdata.localorg.bulk.writes import Write
from sfdata.localorg.bulk_v1.jobs import Batch
from sfdata.localorg.bulk_v1.results import ResultWriter
from sfdata.localorg.bulk_v1.uploads import read_upload
from sfdata.localorg.records.crud import Records


def run_batch(batch: Batch, records: Records) -> None:
    """Process a batch to its end."""
    batch.begin()
    try:
        _write(batch, records)
    except DataRefused as refused:
        batch.fail(str(refused))
    else:
        batch.complete()


def _write(batch: Batch, records: Records) -> None:
    settings = batch.settings
    upload = read_upload(batch.data.read_bytes(), settings, records.schema)
    write = Write(records, settings, batch.created_by, upload.meaning)
    with batch.result.open("wb") as file:
        results = ResultWriter(file, settings.content_type, batch.job.version)
        for chunk in chunks(upload.rows):
            # The store first, then the batch: in the order in which a request may take both.
            with records.store.transaction(), batch.step():
                outcomes = write.chunk(chunk)
                results.add(outcomes)
                batch.count(outcomes)
        results.end()
