"""What stands before published documents: a content delivery network, which alone reads their part of the bucket.

Whoever serves `PublicUrl` sends its `/published/*` here, path as it is. No access log is kept: a line of one would join
an address to the entry whose result it asked for.

Sources: Amazon CloudFront developer guide, "Restrict access to an Amazon S3 origin", "Use managed cache policies",
"Control how long CloudFront caches errors", "Use Amazon CloudFront Origin Shield".
"""

from __future__ import annotations

from gelombang.journey.ports import PUBLISHED
from infra.buckets import DISTRIBUTION, DOCUMENTS
from infra.cloudformation import Json, Resources, resource, sub

ACCESS = "PublishedAccess"
ORIGIN = "documents"
# The managed policy CachingOptimized: as long as the document says; no cookie, query or header makes it another one.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
# One cache asks for all: however many places a document is read in, the bucket is asked once while it is kept there.
SHIELD_REGION = "ap-southeast-1"
ABSENT_S = 5  # what is not there may come at any moment


def delivery() -> Resources:
    """Return the distribution and its right to sign what it asks of the bucket; on one machine there is none."""
    access = {
        "Name": sub("${AWS::StackName}-published"),
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    return {
        ACCESS: resource(
            "AWS::CloudFront::OriginAccessControl",
            {"OriginAccessControlConfig": access},
            Condition="RequiresTls",
        ),
        DISTRIBUTION: resource(
            "AWS::CloudFront::Distribution", {"DistributionConfig": _distribution()}, Condition="RequiresTls"
        ),
    }


def domain() -> Json:
    """Return the output that tells where `PublicUrl` sends `/published/*`."""
    return {"Value": {"Fn::GetAtt": [DISTRIBUTION, "DomainName"]}, "Condition": "RequiresTls"}


def _distribution() -> Json:
    return {
        "Enabled": True,
        "Comment": "Published documents",
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "PriceClass": "PriceClass_200",  # with Indonesia; a reader elsewhere goes further
        # Of a bucket, "/" alone is a list of what lies in it; here it is a document that is never there.
        "DefaultRootObject": f"{PUBLISHED}index",
        "Origins": [
            {
                "Id": ORIGIN,
                "DomainName": {"Fn::GetAtt": [DOCUMENTS, "RegionalDomainName"]},
                "OriginAccessControlId": {"Fn::GetAtt": [ACCESS, "Id"]},
                "S3OriginConfig": {
                    "OriginAccessIdentity": ""
                },  # the older way, which must be named to be off
                "OriginShield": {"Enabled": True, "OriginShieldRegion": SHIELD_REGION},
            }
        ],
        "DefaultCacheBehavior": {
            "TargetOriginId": ORIGIN,
            "ViewerProtocolPolicy": "https-only",
            "AllowedMethods": ["GET", "HEAD"],
            "CachedMethods": ["GET", "HEAD"],
            "CachePolicyId": CACHING_OPTIMIZED,
            "Compress": True,
        },
        "CustomErrorResponses": [
            {"ErrorCode": status, "ErrorCachingMinTTL": ABSENT_S} for status in (403, 404)
        ],
        "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
    }
