"""Bulk API 2.0: jobs that take in or give out many records as CSV.

    resources   the paths below ``jobs/``, and what each call answers
    settings    what a client asks of a new job, checked
    work        what a worker does: states, counters, time
    jobs        a job, and the list of all jobs
    service     the jobs, worker threads and allowances of one org
    dialect     CSV as Salesforce reads and writes it
    columns     from a CSV row to the record it means
    writes      the rows of an upload written, each for itself
    ingest      what a worker does for a job that writes records
    extract     what a worker does for a job that queries them
    results     the files of results, and the part of one that a client is given

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0.htm
"""
