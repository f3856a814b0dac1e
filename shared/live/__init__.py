"""What may vanish: the live view, rate limits, circuits. All of it is in Redis and none of it is the truth.

`link` is the way to Redis and says what "Redis is gone" means; docs/operations/redis.md says what each use does then.
"""
