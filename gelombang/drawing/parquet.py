"""A published draw as one columnar file: the same rows as entries.csv and results.csv, for those who compute with them.

Not part of what is promised, for its bytes change with the library's version: whoever doubts it checks the CSV files.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from gelombang.domain.draw_bundle import ENTRIES, RESULTS

_WORDS = pa.dictionary(pa.int8(), pa.string())
_ENTRY_TYPES = {"entry_id": pa.string(), "region": pa.string(), "priority": pa.int8(), "restored": pa.int8()}
_RESULT_TYPES = {
    "entry_id": pa.string(),
    "ticket": pa.string(),
    "rank": pa.uint32(),
    "outcome": pa.string(),
    "reserve": pa.uint32(),
    "rule": pa.string(),
}


def write_parquet(folder: Path, to: Path) -> int:
    """Write one row for each entry of the bundle under `folder`; return how many.

    Columns: entry_id, region (four digits), priority, restored (true or false), ticket, rank, outcome, reserve, rule.

    Raises:
        ValueError: the results are not those of the entries, row by row.
        OSError: a file is not there, or cannot be written.
    """
    entries, results = _read(folder / ENTRIES, _ENTRY_TYPES), _read(folder / RESULTS, _RESULT_TYPES)
    if not entries["entry_id"].equals(results["entry_id"]):
        raise ValueError(f"{RESULTS} is not of the entries in {ENTRIES}")
    columns = {
        "entry_id": entries["entry_id"],
        "region": entries["region"].dictionary_encode(),
        "priority": entries["priority"].cast(pa.bool_()),
        "restored": entries["restored"].cast(pa.bool_()),
        "ticket": results["ticket"],
        "rank": results["rank"],
        "outcome": results["outcome"].cast(_WORDS),
        "reserve": results["reserve"],
        "rule": results["rule"].cast(_WORDS),
    }
    parquet.write_table(pa.table(columns), to, compression="zstd")
    return int(entries.num_rows)


def _read(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    return csv.read_csv(
        path, convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    )
