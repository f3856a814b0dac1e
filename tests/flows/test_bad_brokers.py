"""Bad days of the brokers and of the database, in the middle of 500 tasks each, counted from the stores at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3

from scripts.engines import rabbitmq
from scripts.trial.engines import VARIABLE
from scripts.trial.load import Load
from scripts.trial.waiting import wait_for
from tests.flows.groups import groups
from tests.flows.stage import PATIENCE, TASKS, Stage, Stages, reached

pytestmark = [pytest.mark.flow, pytest.mark.timeout(1800)]

#: The groups for which these flows have facts.
READERS = ("tasks-react", "live-publish", "audit-record", "agent-hitl-coordinator", "hitl-rank")


@pytest.fixture(scope="module")
def stages() -> Iterator[Stages]:
    """The stage that the tests of this module share."""
    stages = Stages()
    yield stages
    stages.close()


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """The one that stands."""
    return stages.take()


def accepted_all(load: Load) -> bool:
    """Whether no caller was ever turned away, or left without an answer."""
    return not any(status == "no answer" or status.startswith("5") for status in load.answers)


def test_facts_read_again_from_the_beginning_in_the_middle_change_nothing(stage: Stage) -> None:
    """The offsets of all groups are set to the beginning, as a person does it: while nobody reads."""
    with stage.flow() as load:
        reached(load, TASKS // 2)
        with groups(stage.engines.find("kafka").port) as readers:
            wait_for(lambda: min(map(readers.read, READERS)) > TASKS // 100, "every group to have read some", PATIENCE)
            stage.stop()
            again = [readers.start_over(group) for group in READERS]
        stage.start()
    assert min(again) > TASKS // 100, again


def test_a_killed_rabbitmq_in_full_flow_loses_nothing_and_turns_nobody_away(stage: Stage) -> None:
    """What it cannot take meanwhile waits in the outbox; callers are answered 202 all along."""
    with stage.flow() as load:
        reached(load, TASKS // 4)
        stage.engines.kill("rabbitmq")
        reached(load, load.submitted + TASKS // 10)
        stage.engines.start_again("rabbitmq")
    assert accepted_all(load), (load.answers, load.turned_away)


def test_a_killed_kafka_in_full_flow_loses_nothing_and_turns_nobody_away(stage: Stage) -> None:
    """As with RabbitMQ; the record and the answers to events catch up."""
    with stage.flow() as load:
        reached(load, TASKS // 4)
        stage.engines.kill("kafka")
        reached(load, load.submitted + TASKS // 20)
        stage.engines.start_again("kafka")
    assert accepted_all(load), (load.answers, load.turned_away)


def test_a_killed_postgresql_in_full_flow_loses_nothing_that_was_promised(stage: Stage) -> None:
    """Callers are told 503 meanwhile, and ask again with their keys."""
    with stage.flow() as load:
        reached(load, TASKS // 4)
        stage.engines.kill("postgres")
        wait_for(lambda: load.answers.get("503"), "callers to be told to come again", PATIENCE)
        stage.engines.start_again("postgres")
    assert set(load.answers) <= {"200", "202", "401", "409", "503", "no answer"}, load.answers


def test_a_network_to_the_brokers_that_is_cut_again_and_again_and_slow_loses_nothing(stage: Stage) -> None:
    """RabbitMQ's connections, Kafka's, both; each time new ones are refused for a while. Then 50 ms each way."""
    ways = stage.engines.proxies
    with stage.flow() as load:
        for number, names in enumerate((["rabbitmq"], ["kafka"], ["rabbitmq", "kafka"]), start=1):
            reached(load, TASKS * number // 6)
            for name in names:
                ways[name].cut(refuse=True)
            reached(load, load.submitted + TASKS // 25)
            for name in names:
                ways[name].heal()
        for way in ways.values():
            way.slow(0.05)
        reached(load, TASKS * 4 // 5)
        for way in ways.values():
            way.heal()
    assert accepted_all(load), (load.answers, load.turned_away)


def test_a_queue_at_its_length_limit_keeps_work_in_the_outbox_and_callers_unaware(stage: Stage) -> None:
    """Nobody works off for a while, so the queue refuses; what it refused is sent when there is room."""
    with limited(stage, "^auto_orders$", 10), stage.flow() as load:
        for bridge in stage.bridges():
            bridge.suspend()
        wait_for(lambda: stage.says("cannot be sent now", "the broker refused it"), "a queue to refuse", PATIENCE)
        reached(load, load.submitted + TASKS // 10)
        for bridge in stage.bridges():
            bridge.resume()
    assert accepted_all(load), (load.answers, load.turned_away)


@contextmanager
def limited(stage: Stage, queues: str, length: int) -> Iterator[None]:
    """A policy of the broker's, as its operators set one: these queues take so many messages. RabbitMQ 3.10 goes on
    taking what channels send that sent to them before, so all connect anew."""
    url = urllib3.util.parse_url(stage.platform.environment[VARIABLE])
    address = f"http://{url.netloc}/api/policies/{rabbitmq.VHOST}/limit"
    headers = urllib3.make_headers(basic_auth=url.auth)
    body = {"pattern": queues, "definition": {"max-length": length}, "apply-to": "queues"}
    assert urllib3.request("PUT", address, headers=headers, json=body).status == 201
    stage.engines.proxies["rabbitmq"].cut()
    yield
    assert urllib3.request("DELETE", address, headers=headers).status == 204


def test_bridges_that_join_and_die_in_the_middle_of_work_lose_and_double_nothing(stage: Stage) -> None:
    """A further one joins by hand, one of the others is killed and comes again, the further one leaves in order."""
    with stage.flow() as load:
        reached(load, TASKS // 5)
        own, seen = stage.bridges(), len(stage.platform.lines)
        with groups(stage.engines.find("kafka").port) as readers, stage.further_bridge():
            wait_for(lambda: readers.members(READERS[0]) == 3, "the further bridge to read with the others", PATIENCE)
            reached(load, TASKS // 2)
            own[0].kill()
            wait_for(lambda: stage.says("bridge_died:", since=seen), "its end to be seen", PATIENCE)
            wait_for(lambda: stage.says("bridging:", since=seen), "it to come again", PATIENCE)
            reached(load, TASKS * 3 // 4)
