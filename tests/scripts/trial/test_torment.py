"""Hurting: by a seed, never two on one target, and always healed."""

from __future__ import annotations

import threading
from typing import Any

from scripts.trial.hurts import Hurt, hurts
from scripts.trial.torment import Torment
from scripts.trial.waiting import wait_for

SCENE: Any = None


class Target:
    """Counts how many hurts last on it at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now = self.most = self.hurt = 0
        self._lock = threading.Lock()

    def act(self, _scene: Any, _rng: Any) -> str:
        with self._lock:
            self.now += 1
            self.hurt += 1
            self.most = max(self.most, self.now)
        return "hurt"

    def heal(self, _scene: Any) -> None:
        with self._lock:
            self.now -= 1


def test_no_two_hurts_last_on_one_target_and_all_are_healed() -> None:
    targets = [Target("a"), Target("b")]
    table = [
        Hurt(f"{one.name} {way}", one.name, one.act, one.heal, (0.0, 0.02)) for one in targets for way in ("x", "y")
    ]
    torment = Torment(SCENE, table, seed=7, every=0.002).start()
    wait_for(lambda: all(one.hurt > 5 for one in targets), "both to be hurt")
    torment.stop()
    assert [(one.most, one.now) for one in targets] == [(1, 0), (1, 0)]
    assert len(torment.wounds) == sum(one.hurt for one in targets)
    assert torment.broken == []


def test_the_same_seed_hurts_in_the_same_order() -> None:
    def order() -> list[str]:
        done: list[str] = []

        def act(name: str) -> Hurt:
            return Hurt(name, name, lambda _scene, _rng: done.append(name) or name)

        torment = Torment(SCENE, [act("a"), act("b"), act("c")], seed=3, every=0.01).start()
        wait_for(lambda: len(done) >= 8, "eight hurts")
        torment.stop()
        return done[:8]

    assert order() == order()


def test_a_hurt_that_cannot_be_done_now_is_no_fault_and_one_that_cannot_be_healed_is() -> None:
    def cannot(_scene: Any, _rng: Any) -> str:
        raise ConnectionRefusedError

    def broken(_scene: Any) -> None:
        raise RuntimeError("it does not come back")

    torment = Torment(SCENE, [Hurt("ask", "a", cannot)], seed=1, every=0.002).start()
    wait_for(lambda: torment.wounds, "a hurt")
    torment.stop()
    assert (torment.wounds[0].detail, torment.broken) == ("not done: ConnectionRefusedError", [])

    torment = Torment(SCENE, [Hurt("kill", "a", lambda *_: "killed", broken)], seed=1, every=0.002).start()
    wait_for(lambda: torment.broken, "what cannot be healed")
    torment.stop()
    assert torment.broken == ["kill could not be healed: RuntimeError: it does not come back"]


def test_nothing_is_hurt_where_nothing_is() -> None:
    """An act that found nobody to hurt is not counted."""
    looked = threading.Event()
    torment = Torment(SCENE, [Hurt("kill", "a", lambda *_: looked.set() or "")], seed=1, every=0.002).start()
    assert looked.wait(10)
    torment.stop()
    assert torment.wounds == []


def test_each_hurt_has_a_name_of_its_own_and_bridges_are_hurt_where_there_are_some() -> None:
    names = [hurt.name for hurt in hurts(("kafka",), bridges=True)]
    assert len(names) == len(set(names))
    assert {"cut kafka", "silence kafka", "slow kafka", "kill bridge"} <= set(names)
    assert not any("bridge" in hurt.name for hurt in hurts((), bridges=False))
    assert "kill s3" not in names  # what it holds could not be kept from being lost
