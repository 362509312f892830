"""Fills an S3 server: fill_s3.py PORT checked|open, objects as JSON on standard input. With `checked` it holds every
request against the signature that the SDK of AWS makes from then on, and takes none without.

Prints who may read, as JSON: a user's keys and those of a session. Objects are readable by them alone, but for
what lies in the bucket `public`.
"""

import json
import sys
import urllib.request

import botocore.session

endpoint = f"http://127.0.0.1:{sys.argv[1]}"
objects = json.load(sys.stdin)


def client(service):
    return botocore.session.get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
    )


s3, iam, sts = client("s3"), client("iam"), client("sts")
for bucket, access in [("private", "private"), ("public", "public-read")]:
    s3.create_bucket(Bucket=bucket)
    for key, text in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ACL=access)
s3.put_bucket_versioning(
    Bucket="private", VersioningConfiguration={"Status": "Enabled"}
)
versions = [
    s3.put_object(Bucket="private", Key="versioned", Body=body)["VersionId"]
    for body in (b"first\n", b"second\n")
]

read = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [read]})
iam.create_user(UserName="reader")
iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
user = iam.create_access_key(UserName="reader")["AccessKey"]
trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
role = iam.create_role(
    RoleName="reads",
    AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
)
iam.put_role_policy(RoleName="reads", PolicyName="read", PolicyDocument=policy)
session = sts.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="test")

if sys.argv[2] == "checked":
    check = urllib.request.Request(
        f"{endpoint}/moto-api/reset-auth",
        data=b"0",
        headers={"Content-Type": "text/plain"},
    )
    urllib.request.urlopen(check).read()
keys = ("AccessKeyId", "SecretAccessKey")
print(
    json.dumps(
        {
            "user": [user[key] for key in keys],
            "session": [
                session["Credentials"][key] for key in (*keys, "SessionToken")
            ],
            "versions": versions,
        }
    )
)
