"""The sample company of the local org: a maker of tools that sells worldwide, grown from one number and one seed.

`seed_base` loads what every org has, `seed_company` the sample data. The pools (places, people, customers, texts) are
data; each domain of objects has its module; `blocks` explains why any number of rows fits into little memory.
"""

from __future__ import annotations

from sfdata.localorg.company.base import BaseRecords, seed_base
from sfdata.localorg.company.seeding import seed_company

__all__ = ["BaseRecords", "seed_base", "seed_company"]
