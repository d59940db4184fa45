"""The requests of a storage on GCS that a proxy can harm, and answers as the service words them."""

import json
import random

from haulage.testing import Call, faults

MIB = 1 << 20
DATA = random.Random(5).randbytes(2 * MIB + 9)
OBJECT, LIST, BEGIN, CHUNK = "/o/[^?]+$|/o/[^?]+\\?fields", "/o\\?prefix", "uploadType=resumable&name", "upload_id"
"""What stands in the targets of requests."""
QUERIES = ("GET", OBJECT), ("GET", "alt=media"), ("GET", LIST), ("DELETE", "/o/"), ("POST", BEGIN), ("PUT", CHUNK)


def told(status, reason="", message="", **headers):
    """An answer as the service words them."""
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return faults.Answer(status, {"Content-Type": "application/json", **headers}, json.dumps({"error": error}).encode())


def everything(storage, store):
    """Do all that a storage can do, each in a function of its own."""

    def read():
        with storage.read("c/there.mp4", Call()) as file:
            return file.read()

    return {
        ("GET", OBJECT): lambda: storage.stat("c/there.mp4"),
        ("GET", "alt=media"): read,
        ("GET", LIST): lambda: list(storage.list("c")),
        ("DELETE", "/o/"): lambda: storage.delete("c/there.mp4"),
        ("POST", BEGIN): lambda: store(storage, DATA),
        ("PUT", CHUNK): lambda: store(storage, DATA),
    }
