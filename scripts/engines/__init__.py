"""The real engines on one machine: PostgreSQL, RabbitMQ, Kafka, Redis and S3, each in a folder of its own."""
