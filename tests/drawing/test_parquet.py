"""The columnar file says what the CSV files say."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from gelombang.drawing.parquet import write_parquet

VECTORS = Path(__file__).parents[1] / "vectors" / "draw"


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["restored", "pass_on", "empty"])
def test_every_row_is_there_as_it_was(name, tmp_path):
    count = write_parquet(VECTORS / name, tmp_path / "draw.parquet")

    entries, results = rows_of(VECTORS / name / "entries.csv"), rows_of(VECTORS / name / "results.csv")
    told = [
        {key: str(int(value)) if isinstance(value, bool | int) else value for key, value in row.items()}
        for row in parquet.read_table(tmp_path / "draw.parquet").to_pylist()
    ]
    assert told == [entry | result for entry, result in zip(entries, results, strict=True)]
    assert count == len(entries)


def test_results_of_other_entries_are_refused(tmp_path):
    shutil.copy(VECTORS / "restored" / "entries.csv", tmp_path / "entries.csv")
    shutil.copy(VECTORS / "pass_on" / "results.csv", tmp_path / "results.csv")

    with pytest.raises(ValueError, match="is not of the entries"):
        write_parquet(tmp_path, tmp_path / "draw.parquet")

    assert not (tmp_path / "draw.parquet").exists()
