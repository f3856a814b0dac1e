"""Facts on Apache Kafka: topics, the groups that read them, and the letters that died in them (kafka-python 3).

Nothing of kafka-python is imported before the first call that needs a broker.
"""

from shared.bus.kafka.address import KafkaAddress, kafka_address
from shared.bus.kafka.bus import KafkaFacts

__all__ = ["KafkaAddress", "KafkaFacts", "kafka_address"]
