"""Hurts a trial at random, by a seed, every few seconds; two hurts may last at once, never on the same target."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from scripts.engines.contract import StartFailed
from scripts.trial.hurts import Hurt
from scripts.trial.scene import Scene
from shared.errors import HouseError

#: What an act may meet because another hurt lasts: then it is not done.
CANNOT = (OSError, SQLAlchemyError, HouseError)
#: What a healing may end in; then nothing that follows says anything.
BROKEN = (*CANNOT, RuntimeError, AssertionError, StartFailed, LookupError)
HEAL_SECONDS = 200.0


@dataclass(frozen=True)
class Wound:
    """One hurt that was done: when (seconds from the beginning), which, what exactly, and for how long."""

    at: float
    name: str
    detail: str
    seconds: float


class Torment:
    """Between `start` and `stop`. `wounds` are those that are healed, `last` what was done last, in words; `broken`
    says what could not be healed."""

    def __init__(self, scene: Scene, hurts: Sequence[Hurt], seed: int, every: float) -> None:
        """`every` is the mean of the seconds between two."""
        self._scene = scene
        self._hurts = hurts
        self._rng = Random(f"{seed}:torment")
        self._every = every
        self._over = threading.Event()
        self._busy: set[str] = set()
        self._lasting: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._began = time.monotonic()
        self.wounds: list[Wound] = []
        self.last = ""
        self.broken: list[str] = []

    def start(self) -> Torment:
        """Begin."""
        self._began = time.monotonic()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hurt no more; returns when everything is healed."""
        self._over.set()
        self._thread.join()
        for lasting in self._lasting:
            lasting.join(HEAL_SECONDS)
            if lasting.is_alive():
                self.broken.append(f"{lasting.name} is not healed after {HEAL_SECONDS:.0f} s")

    @property
    def counts(self) -> Counter[str]:
        """How often each hurt was done."""
        return Counter(wound.name for wound in self.wounds)

    def _run(self) -> None:
        while not self._over.wait(self._every * self._rng.uniform(0.5, 1.5)):
            if self.broken:
                return
            free = [hurt for hurt in self._hurts if hurt.target not in self._busy]
            if not free:
                continue
            (hurt,) = self._rng.choices(free, [hurt.weight for hurt in free])
            self._busy.add(hurt.target)
            rng = Random(self._rng.random())
            lasting = threading.Thread(target=self._inflict, args=(hurt, rng), name=hurt.name, daemon=True)
            self._lasting = [one for one in self._lasting if one.is_alive()] + [lasting]
            lasting.start()

    def _inflict(self, hurt: Hurt, rng: Random) -> None:
        at = time.monotonic()
        detail = ""
        try:
            detail = hurt.act(self._scene, rng)
            if detail:
                self.last = f"{hurt.name}: {detail}"
                self._over.wait(rng.uniform(*hurt.lasts))
        except CANNOT as error:
            detail = f"not done: {type(error).__name__}"
        try:
            hurt.heal(self._scene)
        except BROKEN as error:
            self.broken.append(f"{hurt.name} could not be healed: {type(error).__name__}: {error}")
        if detail:
            self.wounds.append(Wound(round(at - self._began, 1), hurt.name, detail, round(time.monotonic() - at, 1)))
        self._busy.discard(hurt.target)
