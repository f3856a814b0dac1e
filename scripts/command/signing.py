"""login, logout."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from scripts.command.client import Client
from scripts.command.failure import misused
from scripts.command.options import AsJson, Url
from scripts.command.show import print_json, say

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def login(
    email: Annotated[str, typer.Argument(help="Who you are")],
    tenant: Annotated[str | None, typer.Option(help="For which tenant; the first of yours unless given")] = None,
    password_file: Annotated[Path | None, typer.Option(help="Read the password from a file's first line")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Sign in; the tokens are kept where only you can read them.

    The password is asked for, or read from --password-file, from BIZOSAAS_PASSWORD, or from the standard input when
    that is no terminal.
    """
    client = Client(url)
    parts = urlsplit(client.url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        print(f"{client.url} is not encrypted: the password can be read on the way", file=sys.stderr)
    key = client.login(email, _password(password_file), tenant)
    told = {"url": client.url, "email": key.email, "tenant": key.tenant, "role": key.role}
    if as_json:
        print_json(told)
    else:
        say(f"signed in to {client.url} as {key.email}, {key.role} of {key.tenant}")


def _password(file: Path | None) -> str:
    if file is not None:
        try:
            text = file.read_text().partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise misused(f"--password-file: cannot read {file}: {reason}") from None
    elif given := os.environ.get("BIZOSAAS_PASSWORD"):
        text = given
    elif sys.stdin.isatty():
        text = getpass.getpass("password: ")
    else:
        text = sys.stdin.readline().rstrip("\n")
    if not text:
        raise misused("there is no password: see --help for the ways to give it")
    return text


def logout(url: Url = None, as_json: AsJson = False) -> None:
    """End the session, and forget its tokens."""
    client = Client(url)
    ended = client.logout()
    if as_json:
        print_json({"url": client.url, "signed_out": ended})
    else:
        say(f"signed out of {client.url}" if ended else f"nobody was signed in to {client.url}")
