"""The engines by name."""

from __future__ import annotations

from scripts.engines import kafka, postgres, rabbitmq, redis, s3
from scripts.engines.contract import Engine

ENGINES: dict[str, Engine] = {
    "postgres": postgres,
    "rabbitmq": rabbitmq,
    "kafka": kafka,
    "redis": redis,
    "s3": s3,
}
