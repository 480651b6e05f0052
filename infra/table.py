"""The DynamoDB tables: one for every row of docs/architecture.md, and one for the keys that rows are sealed with."""

from __future__ import annotations

from infra.cloudformation import Resources, kept, ref

TABLE = "Table"
KEY_TABLE = "KeyTable"
FACE_KEY_TABLE = "FaceKeyTable"
WORKLIST = "worklist"  # sparse index of rows that somebody or something must still move on


def table() -> Resources:
    """Return the table: on demand, encrypted, recoverable to any second, protected from deletion."""
    return {
        TABLE: kept(
            "AWS::DynamoDB::Table",
            {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "worklist", "due")
                ],
                "KeySchema": _keys("pk", "sk"),
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": WORKLIST,
                        "KeySchema": _keys("worklist", "due"),
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                "SSESpecification": {"SSEEnabled": True},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "DeletionProtectionEnabled": ref("DeletionProtection"),
            },
        )
    }


def key_table() -> Resources:
    """Return the tables of the keys of people and of faces: a key that is destroyed must be gone everywhere.

    So they have no backup.
    """
    return {
        name: kept(
            "AWS::DynamoDB::Table",
            {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "owner", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "SSESpecification": {"SSEEnabled": True},
                "DeletionProtectionEnabled": ref("DeletionProtection"),
            },
        )
        for name in (KEY_TABLE, FACE_KEY_TABLE)
    }


def _keys(partition: str, order: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}]
