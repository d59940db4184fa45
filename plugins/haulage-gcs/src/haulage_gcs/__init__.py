"""The Google Cloud Storage storage of haulage."""
