"""Published documents reach everybody through one network that keeps them; their bucket stays shut."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def distribution(service, of_type):
    (found,) = of_type(service["Resources"], "AWS::CloudFront::Distribution").values()
    return found["DistributionConfig"]


def test_the_network_alone_reads_the_bucket_and_only_what_is_published(service):
    policy = service["Resources"]["DocumentBucketPolicy"]["Properties"]["PolicyDocument"]
    allowed = [each for each in policy["Statement"] if each["Effect"] == "Allow"]

    read, listed = allowed
    assert (read["Action"], read["Resource"]) == (
        ["s3:GetObject"],
        [{"Fn::Sub": "${DocumentBucket.Arn}/published/*"}],
    )
    assert (listed["Action"], listed["Resource"]) == (
        ["s3:ListBucket"],
        [{"Fn::GetAtt": ["DocumentBucket", "Arn"]}],
    )
    for each in allowed:
        assert each["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        (source,) = each["Condition"]["StringEquals"].items()
        assert source == (
            "AWS:SourceArn",
            {
                "Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${PublishedDistribution}"
            },
        )


def test_no_other_bucket_is_read_by_the_network(service, of_type):
    policies = of_type(service["Resources"], "AWS::S3::BucketPolicy")

    readers = {name for name, policy in policies.items() if "cloudfront" in str(policy)}

    assert readers == {"DocumentBucketPolicy"}


def test_documents_come_by_tls_from_the_bucket_that_is_asked_with_a_signature(service, distribution, of_type):
    (access,) = of_type(service["Resources"], "AWS::CloudFront::OriginAccessControl").values()
    (origin,) = distribution["Origins"]

    assert access["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    assert access["OriginAccessControlConfig"]["OriginAccessControlOriginType"] == "s3"
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["PublishedAccess", "Id"]}
    assert origin["DomainName"] == {"Fn::GetAtt": ["DocumentBucket", "RegionalDomainName"]}
    assert origin["OriginShield"]["Enabled"] is True
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"


def test_what_is_kept_is_what_the_document_says_and_nobody_lists_or_changes_anything(distribution):
    kept = distribution["DefaultCacheBehavior"]

    assert kept["AllowedMethods"] == ["GET", "HEAD"]
    assert kept["Compress"] is True
    assert kept["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"  # CachingOptimized
    assert distribution["DefaultRootObject"].startswith("published/")
    assert {
        each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in distribution["CustomErrorResponses"]
    } == {
        403: 5,
        404: 5,
    }


def test_nobody_writes_down_who_asked_for_which_result(distribution):
    assert "Logging" not in distribution


def test_one_machine_has_no_such_network_and_the_cloud_tells_where_it_is(service):
    made = ("PublishedDistribution", "PublishedAccess", "DocumentBucketPolicy")

    assert {service["Resources"][name]["Condition"] for name in made} == {"RequiresTls"}
    assert service["Outputs"]["PublishedDomain"]["Condition"] == "RequiresTls"
    assert service["Outputs"]["PublishedDomain"]["Value"] == {
        "Fn::GetAtt": ["PublishedDistribution", "DomainName"]
    }


def test_only_who_draws_and_publishes_writes_there(service, of_type):
    writers = {
        role
        for role, properties in of_type(service["Resources"], "AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:PutObject" in statement["Action"]
        and "${DocumentBucket.Arn}/published/" in str(statement["Resource"])
    }

    assert writers == {"SelectRole"}
