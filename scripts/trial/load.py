"""A load: sends samples at a rate and keeps what callers were promised; reviewers decide some of what waits."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator, Mapping

from scripts.trial.caller import Caller, Refused, Stopped, pause_until
from scripts.trial.reckoning import Promised
from scripts.trial.samples import MIX, Kind, Sample, samples

#: How events travel over HTTP (CloudEvents 1.0, HTTP binding, structured mode).
_STRUCTURED = "application/cloudevents+json"


class Load:
    """Sends until `finish`, or until `most` samples are sent. Everything begun is asked for until it is accepted."""

    def __init__(
        self,
        port: int,
        *,
        seed: int = 1,
        rate: float = 5.0,
        workers: int = 8,
        most: int | None = None,
        mix: Mapping[Kind, int] = MIX,
        reviewers: bool = True,
    ) -> None:
        """`rate` is in samples a second; fewer are sent while the platform answers late on all of the `workers`
        connections."""
        self._caller = Caller(port)
        self._samples: Iterator[Sample] = samples(seed, mix)
        self._pause = 1.0 / rate
        self._left = most
        self._next = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._tasks: dict[str, str] = {}
        self._events: list[str] = []
        self._decisions: dict[str, str] = {}
        self.begun = 0
        self.refused: list[str] = []
        self._workers = [threading.Thread(target=self._send, daemon=True) for _ in range(workers)]
        self._reviewing = threading.Thread(target=self._review, daemon=True) if reviewers else None

    def start(self) -> Load:
        """Begin."""
        self._next = time.monotonic()
        for thread in (*self._workers, *([self._reviewing] if self._reviewing else [])):
            thread.start()
        return self

    def wait(self, seconds: float) -> bool:
        """Wait until `most` are accepted; whether they are."""
        until = time.monotonic() + seconds
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def finish(self, seconds: float = 120.0) -> Promised:
        """Send nothing new; what was begun is asked for until it is accepted, `seconds` at most. What was promised:
        `whole`, unless something that was begun was not accepted by then."""
        self._over.set()
        whole = self.wait(seconds)
        self._caller.stop()
        for thread in (*self._workers, *([self._reviewing] if self._reviewing else [])):
            thread.join()
        self._caller.close()
        return Promised(list(self._tasks.values()), list(self._events), dict(self._decisions), whole)

    @property
    def submitted(self) -> int:
        """How many are promised by now."""
        return len(self._tasks) + len(self._events)

    @property
    def answers(self) -> Mapping[str, int]:
        """What callers were answered, by status."""
        return dict(self._caller.answers)

    @property
    def turned_away(self) -> list[str]:
        """What the first were told who had to ask again."""
        return list(self._caller.turned_away)

    # --- sending

    def _send(self) -> None:
        while (sample := self._take()) is not None:
            try:
                self._submit(sample)
            except Refused as error:
                self.refused.append(str(error))
            except Stopped:
                return

    def _take(self) -> Sample | None:
        with self._lock:
            moment = self._next = max(self._next + self._pause, time.monotonic() - 1.0)
        pause_until(moment, self._over)
        with self._lock:
            if self._over.is_set() or self._left == 0:
                return None
            if self._left is not None:
                self._left -= 1
            self.begun += 1
            return next(self._samples)

    def _submit(self, sample: Sample) -> None:
        if sample.cause:
            self._caller.ask("POST", "/events", sample.body, good=202, content_type=_STRUCTURED)
            self._events.append(sample.cause)
            return
        accepted = self._caller.ask("POST", "/tasks", sample.body, good=202, idempotency_key=sample.key)
        before = self._tasks.setdefault(sample.key, accepted["id"])
        if before != accepted["id"]:
            self.refused.append(f"the key {sample.key} was promised {before} and {accepted['id']}")

    # --- reviewing

    def _review(self) -> None:
        seen: set[str] = set()
        while not self._over.wait(1.0):  # a reviewer looks now and then
            try:
                page = self._caller.ask("GET", "/hitl/pending?limit=100")
                for request in page["items"]:
                    if request["id"] not in seen and not self._over.is_set():
                        seen.add(request["id"])
                        self._decide(request["id"])
            except Refused as error:
                self.refused.append(str(error))
            except Stopped:
                return

    def _decide(self, request: str) -> None:
        """Half are approved, a quarter rejected, a quarter left waiting: by the request's id, whoever decides."""
        decision = ("approve", "approve", "reject", "")[zlib.crc32(request.encode()) % 4]
        if not decision:
            return
        body = {"request_id": request, "decision": decision, "notes": "seen"}
        try:
            self._caller.ask("POST", "/hitl/decision", body, idempotency_key=f"decide-{request}")
        except Refused as error:
            if ": 409 " not in str(error):  # the task went on, or the role's brief changed what was seen
                raise
            return
        self._decisions[request] = decision
