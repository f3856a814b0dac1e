"""Objects: what is too large for a row or a message, kept by the hash of what it is. A URL names the engine."""

from __future__ import annotations

import os
from functools import cache

from shared.errors import Invalid
from shared.objects.port import Objects
from shared.settings import settings


def open_objects(url: str) -> Objects:
    """The engine that `url` names: `file://<folder>`, or `s3://<bucket>[/<prefix>]`. Opens nothing yet.

    Invalid for a URL that names none.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "file" and rest:
        from shared.objects.folder import FolderObjects

        return FolderObjects(rest)
    if scheme == "s3" and rest.partition("/")[0]:
        from shared.objects.s3 import S3Objects

        bucket, _, prefix = rest.partition("/")
        return S3Objects(bucket, prefix)
    raise Invalid.field("objects_url", "must be file://<folder> or s3://<bucket>")


@cache
def _objects(url: str, process: int) -> Objects:  # noqa: ARG001  # connections are never shared across a fork
    return open_objects(url)


def objects() -> Objects:
    """This process's objects, opened when first used."""
    return _objects(settings().objects_url, os.getpid())
