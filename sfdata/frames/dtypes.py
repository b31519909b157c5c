"""One table of types: what a Salesforce field type is on the wire, in Arrow and in pandas.

Types come from describe and never from values, so digit text stays text, and a column that is empty or all null keeps
its dtype.

| Salesforce type                          | Arrow              | pandas (default)     | numpy_nullable |
|------------------------------------------|--------------------|----------------------|----------------|
| id, reference, string, picklist, url, …  | string             | str                  | string         |
| int, long                                | int64              | Int64                | Int64          |
| double, currency, percent                | double             | float64              | Float64        |
| boolean                                  | bool               | boolean              | boolean        |
| date                                     | date32             | date32[day][pyarrow] | the same       |
| datetime                                 | timestamp(ms, UTC) | datetime64[ms, UTC]  | the same       |
| time                                     | time32(ms)         | time32[ms][pyarrow]  | the same       |
| anyType, and types not known here        | string (of JSON)   | str                  | string         |

With ``dtype_backend="pyarrow"`` every column has its Arrow type.

Field types: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError

DtypeBackend = Literal["numpy_nullable", "pyarrow"]


@dataclass(frozen=True)
class Kind:
    """How values of one family travel.

    ``wire`` is what JSON may hold, and ``build`` makes the Arrow array of such values. ``json`` is the type by which
    Arrow's own reader takes them; `cast` leads from there to the same array.
    """

    name: str
    arrow: pa.DataType
    wire: Any
    build: Callable[[Sequence[Any], pa.DataType], pa.Array]
    json: pa.DataType

    def cast(self, values: pa.Array) -> pa.Array:
        """``values`` of type ``json`` as the column's type."""
        return values if values.type == self.arrow else self.build(values, self.arrow)


def _plain(values: Sequence[Any], arrow: pa.DataType) -> pa.Array:
    return pa.array(values, arrow)


def _integers(values: Sequence[Any], arrow: pa.DataType) -> pa.Array:
    """Whole numbers, also where the org writes them as 5.0. A fraction is an error; a plain build would cut it."""
    return pc.cast(pa.array(values), arrow)


def _cast(values: Sequence[Any] | pa.Array, arrow: pa.DataType) -> pa.Array:
    return pc.cast(values if isinstance(values, pa.Array) else pa.array(values, pa.string()), arrow)


def _times(values: Sequence[Any] | pa.Array, arrow: pa.DataType) -> pa.Array:
    texts = values.to_pylist() if isinstance(values, pa.Array) else values  # Arrow casts no text to times
    return pa.array([None if v is None else dt.time.fromisoformat(v).replace(tzinfo=None) for v in texts], arrow)


def _texts(values: Sequence[Any], arrow: pa.DataType) -> pa.Array:
    """Text as it is; anything else (``anyType`` and complex values) as the JSON it came as."""
    texts = [v if v is None or isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values]
    return pa.array(texts, arrow)


TEXT = Kind("text", pa.string(), str | None, _plain, pa.string())
INTEGER = Kind("integer", pa.int64(), int | float | None, _integers, pa.int64())
NUMBER = Kind("number", pa.float64(), float | None, _plain, pa.float64())
BOOLEAN = Kind("boolean", pa.bool_(), bool | None, _plain, pa.bool_())
DATE = Kind("date", pa.date32(), str | None, _cast, pa.string())
DATETIME = Kind("datetime", pa.timestamp("ms", "UTC"), str | None, _cast, pa.string())
TIME = Kind("time", pa.time32("ms"), str | None, _times, pa.string())
ANYTHING = Kind("anything", pa.string(), Any, _texts, pa.string())

KINDS: Mapping[str, Kind] = {
    "int": INTEGER,
    "long": INTEGER,
    "double": NUMBER,
    "currency": NUMBER,
    "percent": NUMBER,
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": DATETIME,
    "time": TIME,
    **dict.fromkeys(
        [
            "base64",  # the address of the content
            "combobox",
            "DataCategoryGroupReference",
            "email",
            "encryptedstring",
            "id",
            "multipicklist",
            "phone",
            "picklist",
            "reference",
            "string",
            "textarea",
            "url",
        ],
        TEXT,
    ),
}

# What a compound field holds, under the names the API uses.
# https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/compound_fields_address.htm
COMPOUNDS: Mapping[str, Mapping[str, Kind]] = {
    "address": {
        "street": TEXT,
        "city": TEXT,
        "state": TEXT,
        "postalCode": TEXT,
        "country": TEXT,
        "stateCode": TEXT,  # the codes where the org has lists of states and countries
        "countryCode": TEXT,
        "latitude": NUMBER,
        "longitude": NUMBER,
        "geocodeAccuracy": TEXT,
    },
    "location": {"latitude": NUMBER, "longitude": NUMBER},
}


def kind_of(field_type: str) -> Kind:
    """The kind of a Salesforce field type; a type that is not in the table may hold anything."""
    return KINDS.get(field_type, ANYTHING)


_SHARED = {kind.arrow: pd.ArrowDtype(kind.arrow) for kind in (DATE, TIME)}
_BACKENDS: Mapping[str | None, Callable[[pa.DataType], Any]] = {
    None: {**_SHARED, pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get,
    "numpy_nullable": {
        **_SHARED,
        pa.string(): pd.StringDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }.get,
    "pyarrow": pd.ArrowDtype,
}


def check_backend(dtype_backend: object) -> None:
    """Refuse a backend that pandas does not have.

    Raises:
        ConfigurationError: ``dtype_backend`` is not one of pandas' two names.
    """
    if dtype_backend not in _BACKENDS:
        raise ConfigurationError(f"dtype_backend {dtype_backend!r} is neither 'numpy_nullable' nor 'pyarrow'")


def to_pandas(table: pa.Table, dtype_backend: DtypeBackend | None = None, *, consume: bool = False) -> pd.DataFrame:
    """``table`` as a DataFrame with the dtypes of the table above; ``consume`` empties it on the way."""
    check_backend(dtype_backend)
    frame: pd.DataFrame = table.to_pandas(types_mapper=_BACKENDS[dtype_backend], self_destruct=consume)
    return frame
