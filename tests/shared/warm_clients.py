"""Lets programs that run warm share what botocore knows of AWS: each would read and parse it once more.

Imported by the process that forks the programs; without haulage-s3 it does nothing.
"""

try:
    from botocore.session import Session

    from haulage_s3 import build
except ImportError:
    pass
else:
    session = Session()
    session.register_component("data_loader", build._loader)
    session.create_client("s3", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none").close()
