"""Bulk API 1.0: jobs to which a client adds batches, of CSV, JSON or XML, and queries of which each is a batch.

    resources   the paths below ``/services/async``, and what each call answers
    entrance    what such a request has of its own: the header of its session, the form of its refusals
    documents   job and batch infos, errors and lists as JSON and as XML, and the bodies that ask for a job
    settings    what a client asks of a new job, checked
    chunking    a query split by ranges of Ids
    jobs        jobs and batches: their states and counters
    service     how batches come to be worked on
    uploads     from the data of a batch to the records it means
    ingest      what a worker does for a batch that writes records
    extract     what a worker does for a batch that queries them
    records     records as JSON and XML, where they differ from REST's
    results     what became of each row of a batch

Whatever Bulk API 2.0 does alike stands in `sfdata.localorg.bulk`.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_intro.htm
"""
