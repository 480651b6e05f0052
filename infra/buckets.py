"""The bucket of photographs and the bucket of published documents."""

from __future__ import annotations

from typing import Any

from gelombang.domain.messages import QueueName
from infra.cloudformation import Json, Resources, arn, kept, policy, ref, resource, sub
from infra.queues import queue_id

PHOTOS = "PhotoBucket"
DOCUMENTS = "DocumentBucket"


def buckets() -> Resources:
    """Return both buckets: private, encrypted, refused without TLS; arrivals of photographs go to a queue."""
    arrivals = queue_id(QueueName.PHOTOS_ARRIVED)
    photos = {
        "NotificationConfiguration": {
            "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": arn(arrivals)}]
        },
        "LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=30)]},
        "CorsConfiguration": {"CorsRules": [_from_the_page("GET", "POST")]},
    }
    documents = {
        "LifecycleConfiguration": {"Rules": [_ended_uploads(), _old_versions(days=365)]},
        "CorsConfiguration": {"CorsRules": [_from_the_page("GET")]},
    }
    return {
        PHOTOS: _bucket(photos) | {"DependsOn": [arrivals + "Policy"]},
        DOCUMENTS: _bucket(documents),
        PHOTOS + "Policy": _tls_only(PHOTOS),
        DOCUMENTS + "Policy": _tls_only(DOCUMENTS),
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


def _tls_only(bucket: str) -> Json:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",  # a refusal, so the wider the better
        "Resource": [arn(bucket), sub(f"${{{bucket}.Arn}}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return resource(
        "AWS::S3::BucketPolicy",
        {"Bucket": ref(bucket), "PolicyDocument": policy(statement)},
        Condition="RequiresTls",
    )
