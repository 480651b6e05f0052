"""The buckets: uploads in quarantine, clean copies of photographs, published documents, locked anchors, signed lists.

What is uploaded is only ever read by verification, which makes the clean copy; quarantine forgets it after days.
What anchors the audit chains is under Object Lock: written once, and there until its years are over.
"""

from __future__ import annotations

from typing import Any

from gelombang.domain.messages import QueueName
from gelombang.journey.ports import PUBLISHED
from infra.cloudformation import Json, Resources, allow, arn, kept, policy, ref, resource, sub
from infra.queues import queue_id

QUARANTINE = "QuarantineBucket"
PHOTOS = "PhotoBucket"
DOCUMENTS = "DocumentBucket"
ANCHORS = "AnchorBucket"
LISTS = "ListBucket"
DISTRIBUTION = "PublishedDistribution"  # see infra.published
QUARANTINE_DAYS = 7  # long enough to mend what keeps photographs from being cleaned


def buckets() -> Resources:
    """Return the buckets: private, encrypted, refused without TLS; arrivals in quarantine go to a queue."""
    arrivals = queue_id(QueueName.PHOTOS_ARRIVED)
    quarantine = {
        "NotificationConfiguration": {
            "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": arn(arrivals)}],
            "EventBridgeConfiguration": {"EventBridgeEnabled": True},  # a malware scanner listens there
        },
        "LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=1), _forgotten()]},
        "CorsConfiguration": {"CorsRules": [_from_the_page("POST")]},
    }
    photos = {
        # Whoever is erased is gone from here within two days: lifecycle rules run once a day.
        # Copies that reviewers saw go after half an hour, by the reconciler; the rule is for what a crash leaves.
        "LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=1), _shown()]},
        "CorsConfiguration": {"CorsRules": [_from_the_page("GET")]},
    }
    documents = {
        "LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=365)]},
        "CorsConfiguration": {"CorsRules": [_from_the_page("GET")]},
    }
    lock = {"Mode": ref("AnchorLock"), "Days": ref("AnchorLockDays")}
    anchors = {
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": lock}},
        "LifecycleConfiguration": {"Rules": [_ended_uploads()]},
    }
    lists = {"LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=1)]}}
    return {
        QUARANTINE: _bucket(quarantine) | {"DependsOn": [arrivals + "Policy"]},
        PHOTOS: _bucket(photos),
        DOCUMENTS: _bucket(documents),
        ANCHORS: _bucket(anchors),
        LISTS: _bucket(lists),
        QUARANTINE + "Policy": _tls_only(QUARANTINE),
        PHOTOS + "Policy": _tls_only(PHOTOS),
        DOCUMENTS + "Policy": _tls_only(DOCUMENTS, *_read_by_the_network()),
        LISTS + "Policy": _tls_only(LISTS),
        ANCHORS + "Policy": _tls_only(ANCHORS, *_written_once(ANCHORS)),
    }


def _bucket(more: dict[str, Any]) -> Json:
    shut = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    encrypted = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    return kept(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": dict.fromkeys(shut, True),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [encrypted]},
            "VersioningConfiguration": {"Status": "Enabled"},
            **more,
        },
    )


def _ended_uploads() -> Json:
    return {
        "Id": "unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }


def _forgotten() -> Json:
    return {"Id": "originals", "Status": "Enabled", "ExpirationInDays": QUARANTINE_DAYS}


def _shown() -> Json:
    return {"Id": "shown", "Status": "Enabled", "Prefix": "shown/", "ExpirationInDays": 1}


def _old_versions(*, days: int) -> Json:
    return {
        "Id": "old-versions",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
    }


def _from_the_page(*methods: str) -> Json:
    """Let the applicant's page, and no other site, use the bucket from a browser."""
    return {
        "AllowedMethods": list(methods),
        "AllowedOrigins": [ref("PublicUrl")],
        "AllowedHeaders": ["content-type"],
        "ExposedHeaders": ["ETag"],
        "MaxAge": 3600,
    }


def _written_once(bucket: str) -> list[Json]:
    """Refuse everybody what a lock alone would let pass: a newer version on top, a mark of deletion, another time."""
    objects = [sub(f"${{{bucket}.Arn}}/*")]
    ends = [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:PutObjectRetention",
        "s3:BypassGovernanceRetention",
    ]
    refused = {"Effect": "Deny", "Principal": "*", "Resource": objects}
    on_top = {"Null": {"s3:if-none-match": "true"}}
    return [
        refused | {"Sid": "NobodyEndsIt", "Action": ends},
        refused | {"Sid": "NobodyWritesOver", "Action": "s3:PutObject", "Condition": on_top},
    ]


def _read_by_the_network() -> list[Json]:
    """Let our distribution alone read what is published.

    Without the listing S3 says "forbidden" of a document that is not there, which is no answer to its reader.
    """
    ours = sub(f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{DISTRIBUTION}}}")
    network = {
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Condition": {"StringEquals": {"AWS:SourceArn": ours}},
    }
    return [
        allow(["s3:GetObject"], [sub(f"${{{DOCUMENTS}.Arn}}/{PUBLISHED}*")], **network),
        allow(["s3:ListBucket"], [arn(DOCUMENTS)], **network),
    ]


def _tls_only(bucket: str, *more: Json) -> Json:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",  # a refusal, so the wider the better
        "Resource": [arn(bucket), sub(f"${{{bucket}.Arn}}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return resource(
        "AWS::S3::BucketPolicy",
        {"Bucket": ref(bucket), "PolicyDocument": policy(statement, *more)},
        Condition="RequiresTls",
    )
