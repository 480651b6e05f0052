"""The two KMS keys: one seals personal fields, one tags a NIK so that it can be found without being read."""

from __future__ import annotations

from infra.cloudformation import Json, Resources, kept, policy, sub

SEAL = "SealKey"
TAG = "TagKey"


def keys() -> Resources:
    """Return both keys; neither ever leaves KMS."""
    return {
        SEAL: kept(
            "AWS::KMS::Key",
            {
                "Description": "Seals applicants' personal fields",
                "EnableKeyRotation": True,
                "KeyPolicy": _account_decides(),
            },
        ),
        # Never rotated: a tag made today must be found by the same NIK in ten years.
        TAG: kept(
            "AWS::KMS::Key",
            {
                "Description": "Tags NIK, family card and phone numbers",
                "KeySpec": "HMAC_256",
                "KeyUsage": "GENERATE_VERIFY_MAC",
                "KeyPolicy": _account_decides(),
            },
        ),
    }


def _account_decides() -> Json:
    """Leave who may use the key to IAM policies of the account; without this nobody could manage it."""
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
            "Action": "kms:*",
            "Resource": "*",
        }
    )
