"""The S3 storage of haulage: Amazon S3 and all that speaks its language."""
