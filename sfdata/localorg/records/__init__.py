"""Records: what may be saved, and what is answered about one. Every write of every API comes through ``crud``.

rows             REST of single rows, with ``preconditions``, ``blobs``, ``multipart`` and ``replication``
crud             create, read, update, upsert, delete
validation       what a field accepts; ``validation_rules`` what the org's own rules do; ``body_places`` says where
references       where lookups lead; ``deletion`` what goes along; ``locks`` rows that are held
representation   a stored row as JSON
"""
