"""What the S3 servers have in common."""

import importlib.util

from haulage.testing.servers.program import missing


def create_bucket(name: str, endpoint_url: str, access_key: str, secret_key: str) -> str:
    """Create a bucket with boto3, and return its name.

    Raises:
        HaulageError: boto3 is not installed.
        botocore.exceptions.ClientError: The server refused.
    """
    if importlib.util.find_spec("boto3") is None:
        raise missing("boto3", "boto3")
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
    )
    try:
        client.create_bucket(Bucket=name)
    finally:
        client.close()
    return name
