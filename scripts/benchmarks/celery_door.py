"""How orders come to a Celery that does what ours does: over HTTP with a token, as FastAPI and uvicorn do it.

    uvicorn scripts.benchmarks.celery_door:app

The settings are those of `celery_app`, whose chain it starts, and BENCH_CARE, with how much care (`Care`).
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import FastAPI, Header
from pydantic import BaseModel, ConfigDict

from scripts.benchmarks.celery_app import start
from scripts.benchmarks.order_steps import Care, take
from scripts.benchmarks.samples import TENANT
from shared.auth.tokens import verify
from shared.errors import Forbidden

app = FastAPI(openapi_url=None)
_CARE = Care(os.environ["BENCH_CARE"])


class NewTask(BaseModel):
    """An order."""

    model_config = ConfigDict(extra="forbid")
    type: str
    data: dict[str, Any]


@app.post("/tasks", status_code=202)
def create(body: NewTask, authorization: Annotated[str, Header()]) -> dict[str, str]:
    """Take it, and send it on its way."""
    if verify(authorization.removeprefix("Bearer ")).tenant != TENANT:
        raise Forbidden("another tenant")
    task_id = take(body.data, _CARE)
    start(task_id, _CARE)
    return {"id": task_id}
