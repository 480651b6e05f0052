"""Joins the ports from the environment, once a process; everything outside asks here."""

from __future__ import annotations

import os
from functools import lru_cache

from gelombang.aws.clients import aws_client
from gelombang.aws.clock import SystemClock
from gelombang.aws.documents import S3Documents
from gelombang.aws.photos import S3Photos
from gelombang.aws.queues import SqsQueues
from gelombang.aws.rows import DynamoRows
from gelombang.aws.texts import SnsTexts
from gelombang.aws.vault import KmsVault
from gelombang.domain.programme import Programme
from gelombang.http.registers import HttpRegisters
from gelombang.journey.ports import Ports
from gelombang.journey.programme import load_programme
from gelombang.settings import Settings, read_settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings."""
    return read_settings(os.environ)


@lru_cache(maxsize=1)
def ports() -> Ports:
    """Return the ports on AWS; clients are made at the first call and kept."""
    names = settings()
    s3 = aws_client("s3")
    return Ports(
        rows=DynamoRows(names.table, aws_client("dynamodb")),
        photos=S3Photos(names.photo_bucket, s3),
        documents=S3Documents(names.document_bucket, s3),
        queues=SqsQueues(names.queue_urls, aws_client("sqs")),
        texts=SnsTexts(aws_client("sns")),
        vault=KmsVault(names.seal_key_id, names.tag_key_id, aws_client("kms")),
        registers=HttpRegisters(names.registers_url),
        clock=SystemClock(),
    )


@lru_cache(maxsize=1)
def programme() -> Programme:
    """Return the programme this process serves."""
    return load_programme(os.environ.get("GELOMBANG_PROGRAMME", "prakerja"))
