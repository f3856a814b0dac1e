"""RabbitMQ with its management API, and the epmd that its node is registered with, started by us on 127.0.0.1.

The epmd that Erlang starts by itself would listen on all addresses and outlive the broker.
"""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

from scripts.engines.contract import LOGIN, Missing, run_as, write_private
from scripts.engines.instance import ADDRESS, Instance, Process
from scripts.engines.processes import spawn

PORTS: tuple[str, ...] = ("client", "management", "distribution", "epmd")
USER: str | None = "rabbitmq"
STOP: signal.Signals = signal.SIGTERM
STOP_SECONDS = 60.0
READY_SECONDS = 120.0
VHOST = "bizosaas"

SERVERS = ("/usr/lib/rabbitmq/bin/rabbitmq-server",)  # Debian's in sbin insists on a user switch of its own
PROTOCOL_HEADER = b"AMQP\0\0\x09\x01"  # AMQP 0-9-1, section 4.2.2

CONFIGURATION = """\
listeners.tcp.1 = {address}:{client}
management.tcp.ip = {address}
management.tcp.port = {management}
default_user = {login}
default_pass = {password}
default_vhost = {vhost}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 200MB
log.console = true
log.file = false
"""
ADVANCED = "[{kernel, [{inet_dist_use_interface, {127,0,0,1}}]}].\n"
PLUGINS = "[rabbitmq_management].\n"


def _server() -> str | None:
    return next((path for path in SERVERS if Path(path).exists()), None) or shutil.which("rabbitmq-server")


def missing() -> list[Missing]:
    """The broker; Erlang comes with it."""
    there = _server() and shutil.which("epmd")
    return [] if there else [Missing("RabbitMQ's server", ("rabbitmq-server",))]


def prepare(instance: Instance) -> None:
    """Its folders and its configuration, owned by the user that it runs as."""
    text = CONFIGURATION.format(address=ADDRESS, login=LOGIN, password=instance.password, vhost=VHOST, **instance.ports)
    write_private(instance.folder / "rabbitmq.conf", text)
    (instance.folder / "advanced.config").write_text(ADVANCED)
    (instance.folder / "plugins").write_text(PLUGINS)
    for name in ("mnesia", "logs", "generated"):
        (instance.folder / name).mkdir(exist_ok=True)
    user = run_as(USER)
    if user:
        for path in instance.folder.iterdir():
            shutil.chown(path, user, user)


def launch(instance: Instance) -> tuple[Process, ...]:
    """epmd, then the broker."""
    server = _server()
    assert server is not None
    user = run_as(USER)
    epmd = ["epmd", "-port", str(instance.ports["epmd"]), "-address", ADDRESS]
    return (
        spawn(epmd, {}, instance.folder / "epmd.txt", user),
        spawn([server], tool_environment(instance), instance.log, user),
    )


def tool_environment(instance: Instance) -> dict[str, str]:
    """The environment of the broker, which `rabbitmqctl` wants too."""
    folder = instance.folder
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"{VHOST}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(instance.ports["distribution"]),
        "ERL_EPMD_PORT": str(instance.ports["epmd"]),
        "ERL_EPMD_ADDRESS": ADDRESS,
        # Two schedulers that sleep when idle: it shares the machine.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        # The shell that starts it becomes it, so that the id that we note is the broker's.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def ready(instance: Instance) -> bool:
    """It answers AMQP's greeting; that it takes a connection is too early."""
    try:
        with socket.create_connection((ADDRESS, instance.port), 2) as connection:
            connection.settimeout(2)
            connection.sendall(PROTOCOL_HEADER)
            return connection.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False


def furnish(instance: Instance) -> None:
    """Nothing: the user and the virtual host are in its configuration."""


def url(instance: Instance) -> str:
    """The virtual host. The user may make others."""
    return f"amqp://{LOGIN}:{instance.password}@{instance.address}/{VHOST}"


def management_url(instance: Instance) -> str:
    """The management API, with the same user."""
    return f"http://{LOGIN}:{instance.password}@{ADDRESS}:{instance.ports['management']}"


def environment(instance: Instance) -> dict[str, str]:
    """The engine for work."""
    return {"BIZOSAAS_WORK_URL": url(instance)}
