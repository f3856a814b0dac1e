"""kafka-python's classes for answers, made before two threads can make one.

It makes a class for each version of an answer when first needed, and finds it by a weak reference to the one that was
made last (3.0.12: `VersionSubscriptable.__getitem__` registers it, for `SlotsBuilder` drops its `init=False`). When two
threads make one class at once, the reference may lead to the one that is dropped: from then on no answer of that kind
is understood in the process, and each of its messages to Kafka waits for its time limit.
"""

from __future__ import annotations

import threading

_lock = threading.Lock()
_made: set[object] = set()


def make_classes() -> None:
    """Make those of all answers that are known by now, each once; some 20 ms at the first call. To be called before a
    client is made."""
    import kafka.admin
    import kafka.consumer
    import kafka.producer  # noqa: F401  # with it come the classes of all that a client asks
    from kafka.protocol.api_header import ResponseClassRegistry

    with _lock:
        for key, answer in list(ResponseClassRegistry._response_class_registry.items()):
            if key not in _made:
                for version in range(answer.max_version + 1):
                    answer[version]
                _made.add(key)
