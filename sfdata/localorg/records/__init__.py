"""Records: what may be saved, and what is answered about one. Every write of every API comes through ``crud``.

rows             REST of single rows, with ``preconditions``, ``blobs``, ``multipart`` and ``replication``
crud             create, read, update, upsert, delete; ``foresight`` reads ahead for many records
intake           which field each key of a body means
validation       what a field accepts; ``body_places`` says where in the body it does not
references       where lookups lead; ``deletion`` what goes along; ``locks`` rows that are held
combinations     what there is only once; ``validation_rules`` and ``duplicate_rules`` are the org's own
representation   a stored row as JSON
"""
