"""Publishing with confirms on one channel, any number at once: each message's own answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Told None when the message is safe, else why it is not.
Answered = Callable[[str | None], None]


class Confirms:
    """A channel in confirm mode. Used in the thread of its connection only.

    A message that no queue took is returned before its confirm comes; the `copy` in its headers says which it is.
    """

    def __init__(self, channel: Any) -> None:
        """`channel` is open and new."""
        self._channel = channel
        self._sent = 0
        self._waiting: dict[int, tuple[str, Answered]] = {}  # in the order of their numbers
        self._returned: dict[str, str] = {}
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_answer)

    def publish(self, exchange: str, key: str, body: bytes, properties: Any, answered: Answered) -> None:
        """Send; `answered` is called once, later."""
        self._sent += 1
        self._waiting[self._sent] = (properties.headers["copy"], answered)
        self._channel.basic_publish(exchange, key, body, properties, mandatory=True)

    def give_up(self, why: str) -> None:
        """The channel is gone: whoever still waits is told so."""
        waiting, self._waiting = self._waiting, {}
        for _copy, answered in waiting.values():
            answered(why)

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        self._returned[properties.headers["copy"]] = f"no queue took it ({method.reply_text})"

    def _on_answer(self, frame: Any) -> None:
        from pika.spec import Basic

        tag, refused = frame.method.delivery_tag, isinstance(frame.method, Basic.Nack)
        if frame.method.multiple:
            tags = [one for one in self._waiting if one <= tag]
        else:
            tags = [tag] if tag in self._waiting else []
        for one in tags:
            copy, answered = self._waiting.pop(one)
            why = self._returned.pop(copy, None)
            answered("the broker refused it (it is full, or cannot keep it)" if refused else why)
