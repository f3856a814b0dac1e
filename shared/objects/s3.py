"""Objects in S3, or what speaks like it: the endpoint, the region and the keys are boto3's own settings
(`AWS_ENDPOINT_URL_S3`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, a role of the machine, ...)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from shared.errors import Failed, Invalid, TryAgain
from shared.objects.port import checked, gone, name_of, path_of

#: Errors that asking again does not mend: the operator must.
LASTING = {"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
ABSENT = {"NoSuchKey", "404", "NotFound"}


class S3Objects:
    """One object an object, under `prefix` in `bucket`, which must be there. S3 checks the hash on its side too."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        """Opens nothing yet."""
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise Invalid.field("BIZOSAAS_OBJECTS_URL", "s3:// needs boto3: install the extra s3") from None
        limits = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
        return boto3.client("s3", config=limits)

    def put(self, data: bytes) -> str:
        """See `port`."""
        name = name_of(data)
        self._ask("put_object", name, Body=data, ChecksumAlgorithm="SHA256")
        return name

    def get(self, name: str) -> bytes:
        """See `port`."""
        answer = self._ask("get_object", name)
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        try:
            with answer["Body"] as body:
                data: bytes = body.read()
        except (BotoCoreError, HTTPError, OSError) as error:
            raise _later(error) from error
        return checked(name, data)

    def _ask(self, verb: str, name: str, **more: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        key = self._prefix + path_of(name)
        try:
            return getattr(self._client, verb)(Bucket=self._bucket, Key=key, **more)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ABSENT:
                raise gone(name) from None
            if code in LASTING:
                raise Failed(f"the objects' bucket {self._bucket} cannot be used: {code}") from error
            raise _later(error) from error
        except BotoCoreError as error:
            raise _later(error) from error


def _later(error: Exception) -> TryAgain:
    return TryAgain(f"S3 cannot be asked now ({type(error).__name__})", retry_after=2)
