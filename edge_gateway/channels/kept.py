"""What a gateway knows of the channels it follows, over restarts: a small file that is replaced whole.

Without it an old issue, validly signed, would be taken after a restart.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter

from models.channel import Seen
from models.errors import LifeRefused
from models.safe_files import replace_file
from models.strict_json import read_strict

SCHEMA = 1
FILE = "channels.json"
_STRICT = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """One followed channel.

    Attributes:
        channel: Its name.
        since: When it was first asked for, ns since the epoch.
        heard: When its target last answered with it, ns since the epoch; 0 = never.
        counter: Of the issue that was taken; -1 = none.
        digest: SHA-256 (hex) of its bytes.
        text: Its bytes, to go on with while the target is away.
        tag: By which the target knows it.
        refused: SHA-256 of manifests whose bundles break a rule by their bytes -> why; they are not fetched again.
        fetched: Versions that came by it, which may be removed when nothing needs them.
        told: Troubles that an event has told and that last.
    """

    __pydantic_config__ = _STRICT

    channel: str
    since: int
    heard: int = 0
    counter: int = -1
    digest: str = ""
    text: str = ""
    tag: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    fetched: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def seen(self) -> Seen | None:
        """For `check_fresh`."""
        return None if self.counter < 0 else Seen(self.counter, self.digest)


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = _STRICT

    schema: int = SCHEMA
    models: dict[str, Kept] = field(default_factory=dict)


class KeptFile:
    """The file. For one thread of one process, the deliver process's.

    Args:
        root: The data folder.

    Raises:
        LifeRefused: It is damaged or of newer software: the counters in it must not be forgotten by themselves.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._models: dict[str, Kept] = {}
        try:
            data = self._path.read_bytes()
            self._models = dict(read_strict(data, SCHEMA, _reader).models)
        except FileNotFoundError:
            pass
        except ValueError as error:
            fix = "move it away: channels are then taken as if for the first time, whatever their counter"
            raise LifeRefused(str(self._path), str(error), fix) from error

    def of(self, model: str) -> Kept | None:
        """What is known; None = nothing yet."""
        return self._models.get(model)

    def keep(self, model: str, kept: Kept) -> None:
        """Write what is known, durably, if it is anything new.

        Raises:
            OSError: It cannot be written.
        """
        if self._models.get(model) == kept:
            return
        models = {**self._models, model: kept}
        data = json.dumps(asdict(_File(models=models)), indent=1, sort_keys=True).encode()
        replace_file(self._path, data)
        self._models = models


@cache
def _reader() -> TypeAdapter[_File]:
    return TypeAdapter(_File)
