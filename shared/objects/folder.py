"""Objects in a folder: for one machine, or a shared disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from shared.errors import TryAgain
from shared.objects.port import checked, gone, name_of, path_of


class FolderObjects:
    """One file an object, readable by its owner only; whole or not at all."""

    def __init__(self, folder: str) -> None:
        """`folder` is made when first needed."""
        self._folder = Path(folder)

    def put(self, data: bytes) -> str:
        """See `port`."""
        name = name_of(data)
        place = self._folder / path_of(name)
        try:
            if not place.exists():
                _write(place, data)
        except OSError as error:
            raise TryAgain(f"objects cannot be kept now: {error.strerror}", retry_after=2) from error
        return name

    def get(self, name: str) -> bytes:
        """See `port`."""
        try:
            return checked(name, (self._folder / path_of(name)).read_bytes())
        except FileNotFoundError:
            raise gone(name) from None
        except OSError as error:
            raise TryAgain(f"objects cannot be read now: {error.strerror}", retry_after=2) from error


def _write(place: Path, data: bytes) -> None:
    """Durable before it has its name: a crash leaves a file that nobody looks at, never half an object."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with open(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(number)
        os.replace(temporary, place)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
