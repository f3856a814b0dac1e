"""The database goes away, is full, is busy: the call is told to come again, and nothing is half done."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from events.orchestration import TaskSubmitted
from events.work import ApprovalWork
from shared.errors import HouseError, Invalid, TryAgain
from shared.runtime import outbox
from shared.runtime.clock import utc_now
from shared.runtime.relay import relay
from shared.settings import settings
from shared.store import postgres
from shared.store.database import Unit, database_errors, engine
from shared.store.migrate import migrate
from shared.store.orchestration import tasks, tenant_settings
from tests.databases import Cluster, forget_engines
from tests.server import Server
from tests.shared.store.conftest import Functions

pytestmark = pytest.mark.stores("postgres")
ORDER = {"type": "order", "data": {"order_id": "o-1", "amount": "10.00", "currency": "EUR"}}


def set_tenant(unit: Unit, tenant: str) -> None:
    values = {"tenant": tenant, "version": 1, "document": {}, "changed_at": utc_now(), "changed_by": "test"}
    unit.write().execute(insert(tenant_settings).values(**values))


def kept() -> list[str]:
    unit = Unit("orchestration")
    try:
        return list(unit.read().execute(select(tenant_settings.c.tenant)).scalars())
    finally:
        unit.close()


def end_sessions(cluster: Cluster) -> None:
    """As an operator, or a failover, ends them."""
    database = engine("orchestration").url.database
    assert database is not None
    with cluster.connect(database) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [database],
        )


def test_a_connection_that_is_lost_in_a_transaction_undoes_it_and_the_next_call_has_a_new_one(
    home: Path, cluster: Cluster
) -> None:
    unit = Unit("orchestration")
    with pytest.raises(TryAgain), database_errors():  # noqa: PT012  # which statement meets it is the driver's matter
        set_tenant(unit, "lost")
        end_sessions(cluster)
        set_tenant(unit, "after")
        unit.commit()
    unit.close()
    assert kept() == []


def test_a_connection_that_is_lost_before_the_commit_is_not_taken_for_committed(home: Path, cluster: Cluster) -> None:
    unit = Unit("orchestration")
    set_tenant(unit, "lost")
    end_sessions(cluster)
    with pytest.raises(TryAgain, match="in the same words it happens once"), database_errors():
        unit.commit()
    unit.close()
    assert kept() == []


def test_a_connection_that_was_closed_while_the_function_slept_is_not_noticed(
    home: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "RESTED", 0.0)
    assert kept() == []
    end_sessions(cluster)
    assert kept() == []


def test_an_event_whose_connection_is_lost_comes_again_and_is_handled_once(
    home: Path, cluster: Cluster, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.order("90000.00")
    (work,) = functions.events(ApprovalWork)
    real = outbox.note_all_handled

    def lose(*given: Any) -> None:
        real(*given)
        end_sessions(cluster)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "note_all_handled", lose)
        assert functions.deliver("hitl-open", work) == [503]
        assert functions.deliver("hitl-open", work, work) == [503, 503]
    assert functions.rows(outbox.table("orchestration", "inbox")) == []
    assert functions.deliver("hitl-open", work) == [204]


def test_a_request_whose_connection_is_lost_is_a_503_and_its_repetition_makes_one_task(
    home: Path, cluster: Cluster, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = outbox.write

    def lose(*given: Any) -> None:
        real(*given)
        end_sessions(cluster)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "write", lose)
        assert functions.call("tasks-create", ORDER, key="k").status == 503
    assert functions.rows(tasks) == []
    assert functions.call("tasks-create", ORDER, key="k").status == 202
    assert len(functions.events(TaskSubmitted)) == 1


def test_a_commit_whose_answer_is_lost_is_repeated_by_its_key_to_the_same_answer(
    home: Path, cluster: Cluster, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has committed and cannot say so: the key finds what was stored."""
    real = Unit.commit

    def lose(self: Unit) -> None:
        real(self)
        raise TryAgain("the answer to the commit was lost")

    with monkeypatch.context() as patched:
        patched.setattr(Unit, "commit", lose)
        assert functions.call("tasks-create", ORDER, key="k").status == 503
    again = functions.call("tasks-create", ORDER, key="k")
    assert (again.status, [row.id for row in functions.rows(tasks)]) == (202, [again.body["id"]])
    assert relay("orchestration", functions.sink, older_than=timedelta(0)) > 0


def test_two_that_wait_for_each_other_are_told_to_come_again_one_of_them(home: Path, functions: Functions) -> None:
    first, second = functions.order(), functions.order()
    gate = threading.Barrier(2)
    answers: list[str] = []

    def hold(own: str, other: str) -> None:
        unit = Unit("orchestration")
        try:
            with database_errors():
                held = functions.services(unit).tasks
                held.hold(own)
                gate.wait(30)
                held.hold(other)
                unit.commit()
            answers.append("done")
        except TryAgain:
            answers.append("again")
        finally:
            unit.close()

    threads = [threading.Thread(target=hold, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["again", "done"]


def test_who_waits_too_long_for_a_lock_is_told_to_come_again(
    home: Path, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_WAIT", 50)
    forget_engines()
    task_id = functions.order()
    holder, other = Unit("orchestration"), Unit("orchestration")
    functions.services(holder).tasks.hold(task_id)
    with pytest.raises(TryAgain), database_errors():
        functions.services(other).tasks.hold(task_id)
    other.close()
    holder.close()


def test_a_serialization_failure_is_told_to_come_again(home: Path, functions: Functions) -> None:
    task_id = functions.order()
    unit, other = Unit("orchestration"), Unit("orchestration")
    unit.write().execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    seen = functions.services(unit).tasks.get(task_id)
    functions.services(other).tasks.change(seen, "failed")
    other.commit()
    with pytest.raises(TryAgain), database_errors():
        functions.services(unit).tasks.change(seen, "failed")
    unit.close()


def test_a_call_that_finds_all_connections_of_its_process_taken_is_told_to_come_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"KEPT": 1, "ADDED": 0, "POOL_WAIT": 0.05}.items():
        monkeypatch.setattr(postgres, name, value)
    forget_engines()
    holder = Unit("orchestration")
    holder.read()
    with pytest.raises(TryAgain, match="in use"), database_errors():
        Unit("orchestration").read()
    holder.close()
    assert kept() == []


def test_a_call_holds_one_connection_and_none_while_it_rests(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEPT": 1, "ADDED": 0, "POOL_WAIT": 0.05}.items():
        monkeypatch.setattr(postgres, name, value)
    forget_engines()
    unit = Unit("orchestration")
    unit.read().execute(select(tenant_settings))
    set_tenant(unit, "a")
    unit.commit()
    unit.read().execute(select(tenant_settings))
    unit.rest()
    assert kept() == ["a"]
    unit.close()


@pytest.mark.parametrize(
    "state",
    ["08006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57P01", "57P03", "58030", "25006"],
)
def test_what_the_server_says_may_pass_does(home: Path, state: str) -> None:
    """The codes of PostgreSQL's manual, appendix A, raised by the server itself. 53100 is a full disk."""
    unit = Unit("orchestration")
    set_tenant(unit, "half")
    with pytest.raises(TryAgain), database_errors():
        unit.write().execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))
    unit.close()
    assert kept() == []


@pytest.mark.parametrize("state", ["23505", "42601", "42P01", "28P01", "XX000"])
def test_what_will_not_pass_is_no_reason_to_come_again(home: Path, state: str) -> None:
    unit = Unit("orchestration")
    with pytest.raises(DBAPIError), database_errors():
        unit.write().execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))
    unit.close()


@pytest.mark.parametrize("words", [{"description": "a\0b"}, {"expected_output": "\0"}])
def test_a_text_that_cannot_be_kept_is_refused_as_the_callers_mistake(functions: Functions, words: Any) -> None:
    reply = functions.call("tasks-create", ORDER | words)
    assert (reply.status, "U+0000" in reply.body["detail"]) == (422, True)
    assert functions.call("tasks-get", task_id="a\0b").status == 422
    assert functions.rows(tasks) == []


def test_an_error_does_not_quote_the_row_that_it_is_about(home: Path, functions: Functions) -> None:
    unit = Unit("orchestration")
    set_tenant(unit, "quiet-tenant")
    with pytest.raises(IntegrityError) as caught:
        set_tenant(unit, "quiet-tenant")
    unit.close()
    assert "quiet-tenant" not in str(caught.value) + repr(caught.value) + str(caught.value.orig)
    assert "unique" in str(caught.value)


# --- a server of the test's own


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # the server's user looks for its own folder inside
        server = Server(Path(folder) / "server")
        yield server
        server.stop()


@pytest.fixture
def own(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The orchestration database on the test's own server."""
    monkeypatch.setenv("BIZOSAAS_ORCHESTRATION_DATABASE_URL", server.url)
    settings.cache_clear()
    migrate("orchestration")
    unit = Unit("orchestration")
    unit.write().execute(tenant_settings.delete())
    unit.commit()
    yield server
    forget_engines()


def test_a_server_that_crashes_in_a_transaction_and_comes_back_has_all_of_it_or_nothing(own: Server) -> None:
    before, during = Unit("orchestration"), Unit("orchestration")
    set_tenant(before, "before")
    before.commit()
    set_tenant(during, "during")
    own.stop()
    try:
        with pytest.raises(TryAgain), database_errors():
            during.commit()
        with pytest.raises(TryAgain), database_errors():
            kept()
    finally:
        own.start()
    during.close()
    assert kept() == ["before"]


def test_a_server_with_no_connection_left_is_told_to_come_again(own: Server) -> None:
    plain = own.url.replace("+psycopg", "")
    taken: list[psycopg.Connection[Any]] = []
    forget_engines()
    try:
        with pytest.raises(psycopg.OperationalError):  # noqa: PT012  # which one is the first too many is not known
            while True:
                taken.append(psycopg.connect(plain))
        with pytest.raises(TryAgain), database_errors():
            kept()
    finally:
        for connection in taken:
            connection.close()
    assert kept() == []


def test_no_password_is_in_an_error_or_a_log(own: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen = [repr(settings()), repr(engine("orchestration")), str(engine("orchestration").url)]
    own.stop()
    try:
        with pytest.raises(TryAgain) as caught, database_errors():
            kept()
    finally:
        own.start()
    seen += [str(caught.value), repr(caught.value.__cause__), caplog.text]
    assert "the database cannot take this now" in caplog.text
    assert "not-shown" not in "".join(seen)


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "postgresql+psycopg://u:secret@h:port/d", "secret", "://"])
def test_an_address_of_no_engine_is_named_by_its_setting_and_not_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BIZOSAAS_AUDIT_DATABASE_URL", url)
    settings.cache_clear()
    with pytest.raises(Invalid, match="BIZOSAAS_AUDIT_DATABASE_URL") as caught:
        engine("audit")
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, HouseError)
    monkeypatch.delenv("BIZOSAAS_AUDIT_DATABASE_URL")
    settings.cache_clear()
