"""The journey's ports on DynamoDB, S3, SQS, SNS and KMS."""
