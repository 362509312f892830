"""Fills an Azure store: fill_azure.py PORT ACCOUNT KEY, blobs as JSON on standard input.

Prints, as JSON, a shared access signature with which the container `private` can be read, and one that has expired.
Blobs of the container `public` can be read by everybody.
"""

import datetime
import json
import sys

from azure.storage.blob import BlobServiceClient, generate_container_sas

port, account, key = sys.argv[1:]
service = BlobServiceClient(
    f"http://127.0.0.1:{port}/{account}",
    credential={"account_name": account, "account_key": key},
    api_version="2021-12-02",
)
blobs = json.load(sys.stdin)
for name, access in [("private", None), ("public", "blob")]:
    container = service.create_container(name, public_access=access)
    for blob, text in blobs.items():
        container.upload_blob(blob, text.encode())


def signature(hours):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return generate_container_sas(
        account, "private", account_key=key, permission="r", expiry=end
    )


print(json.dumps({"good": signature(1), "expired": signature(-1)}))
