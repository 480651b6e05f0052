"""What sealing adds to a face that is enrolled, and to one that another worker reads, on the local engine.

python -m benchmarks.speed.seal --faces 200

Turns with and without the seal alternate in one process; the figures are medians over the turns. On AWS the calls go
over a network, and KMS is quicker; their number is the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import numpy as np

from benchmarks.goals import finish, goal
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.rows import DynamoRows
from gelombang.aws.vault import KmsVault
from gelombang.domain.tags import TagKeys
from gelombang.journey.ports import Vault
from gelombang.memory.vault import MemoryVault
from local.engine import credentials, running_engine
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.engine import Int8Engine

DIMENSIONS = 512
MOST_MS = 40.0  # a face takes some 150 ms of a core: a quarter of that, on an engine in Python


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    found: dict[str, list[float]] = {
        "enrol clear": [],
        "enrol sealed": [],
        "read clear": [],
        "read sealed": [],
    }
    with tempfile.TemporaryDirectory() as folder, running_engine(Path(folder)) as engine:
        dynamodb, kms = _clients(engine.url)
        keys = [_key_table(dynamodb, kms, name) for name in ("writer", "reader")]
        for turn in range(given.turns):
            for kind in ("clear", "sealed"):
                table = _rows_table(dynamodb, f"rows-{kind}-{turn}")
                vaults: list[Vault] = (
                    [MemoryVault()] * 2 if kind == "clear" else [_vault(each, kms) for each in keys]
                )
                one, other = (
                    Gallery(DynamoRows(table, dynamodb), "bench-1", vault=each, engine=Int8Engine())
                    for each in vaults
                )
                enrol, read = _turn(one, other, given.faces // given.turns, turn)
                found[f"enrol {kind}"].append(enrol)
                found[f"read {kind}"].append(read)
    return _report(found)


def _turn(one: Gallery, other: Gallery, count: int, turn: int) -> tuple[float, float]:
    """Return ms a face to enrol in one gallery, and to read what it wrote in another."""
    now = datetime.now(UTC)
    faces = np.random.default_rng(turn).normal(size=(count, DIMENSIONS)).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)

    def enrol() -> None:
        for number, face in enumerate(faces):
            one.enrol(f"app_{turn}_{number}", face, now + timedelta(microseconds=number))

    return _ms(enrol) / count, _ms(lambda: other.refresh(now + timedelta(seconds=1))) / count


def _report(found: dict[str, list[float]]) -> int:
    ms = {name: median(values) for name, values in found.items()}
    for name, value in ms.items():
        print(f"{name:<13} {value:7.2f} ms a face")
    extra = {part: ms[f"{part} sealed"] - ms[f"{part} clear"] for part in ("enrol", "read")}
    goals = [
        goal(f"seal-{part}", f"{added:.1f} ms a face", f"<= {MOST_MS:.0f} ms more", added <= MOST_MS)
        for part, added in extra.items()
    ]
    finish("seal", goals)
    return 0 if all(each.met for each in goals) else 1


def _ms(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _clients(url: str) -> tuple[Any, Any]:
    access = credentials(url)
    session = boto3.Session(
        access["AWS_ACCESS_KEY_ID"], access["AWS_SECRET_ACCESS_KEY"], region_name=access["AWS_REGION"]
    )
    return session.client("dynamodb", endpoint_url=url), session.client("kms", endpoint_url=url)


def _key_table(dynamodb: Any, kms: Any, name: str) -> OwnerKeys:  # noqa: ANN401 - boto3 clients
    """Return the one table of keys as a process of its own sees it."""
    if name == "writer":
        dynamodb.create_table(
            TableName="keys",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        )
    return OwnerKeys("keys", kms.create_key()["KeyMetadata"]["KeyId"], kms, dynamodb)


def _rows_table(dynamodb: Any, name: str) -> str:  # noqa: ANN401 - a boto3 client
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return name


def _vault(keys: OwnerKeys, kms: Any) -> KmsVault:  # noqa: ANN401 - a boto3 client
    return KmsVault(keys, TagKeys(("unused",)), kms)


if __name__ == "__main__":
    sys.exit(main())
