"""The channel of a model: which version gateways should serve, said by whoever holds the key. Pure.

    models/<name>/channel-<channel>.signed      a line with the signature (Ed25519, Base64), then the JSON that it signs
    models/<name>/<version>/                    bundles

Signature and text are one object, not two: no gateway ever meets the text of one issue with the signature of another.
The signature is over the bytes as they stand there, and judged before they are parsed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

from models.errors import ChannelRefused
from models.manifest import is_name
from models.signature import TrustedKeys
from models.strict_json import read_strict

SCHEMA = 1
MOST_BYTES = 64 * 1024  # one with a rollout and three versions that were halted has 1 kB
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STRICT = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
_SIGN = "publish it again with a trusted key, or add its signer's to [models] trusted_keys"
_REFETCH = "publish it again: `sluicegate model promote NAME@VERSION --to ...` raises the counter"


@dataclass(frozen=True, slots=True)
class Pick:
    """One version, to the last bit.

    Attributes:
        version: Of the model.
        manifest: SHA-256 (hex) of its manifest.json, which holds that of every other file.
    """

    __pydantic_config__ = _STRICT

    version: str
    manifest: str

    def __post_init__(self) -> None:
        if not is_name(self.version) or not _DIGEST.fullmatch(self.manifest):
            msg = f"version {self.version!r} with manifest {self.manifest!r}: must be a name and 64 hexadecimal digits"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How the share of gateways grows, and what stops it. Read by `sluicegate model rollout`, not by gateways.

    Attributes:
        stages: Percent of each stage, rising, the last one 100.
        soak_ns: How long a stage must have been quiet before the next one.
        halt_gateways: Gateways in trouble at which it halts.
        halt_alarms: Openings of the version's alarms at one gateway above which that one is in trouble.
        begun: When, ns since the epoch; what gateways told before is not counted.
    """

    __pydantic_config__ = _STRICT

    stages: tuple[int, ...]
    soak_ns: int
    halt_gateways: int
    halt_alarms: int
    begun: int

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip((0, *self.stages), self.stages, strict=False))
        if not self.stages or not rising or self.stages[-1] != 100:
            msg = f"stages = {list(self.stages)}: must rise from above 0 to 100, for example 20, 60, 100"
            raise ValueError(msg)
        if self.soak_ns < 0 or self.halt_gateways < 1 or self.halt_alarms < 0:
            msg = "soak and halt_alarms must be 0 or more, halt_gateways 1 or more"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Channel:
    """What gateways read.

    Attributes:
        schema: Of this file.
        name: Of the model: a channel of another one is not taken for it.
        channel: Its own name: "stable", "canary", ...
        counter: Grows with every issue; a gateway takes no older one.
        issued: ns since the epoch.
        not_after: From then on it starts nothing any more, ns since the epoch.
        wanted: What the chosen gateways serve.
        mode: "active", or "shadow": it scores beside what is active and is never promoted.
        percent: Share of gateways that are chosen, 0..100; see `chosen`.
        sites: Whose gateways are; () = those of all.
        others: What the others serve; None = what they have.
        rollout: None = the share stays as it is.
        halted: Versions that a rollout gave up, and why.
    """

    __pydantic_config__ = _STRICT

    schema: int
    name: str
    channel: str
    counter: int
    issued: int
    not_after: int
    wanted: Pick
    mode: Literal["active", "shadow"] = "active"
    percent: int = 100
    sites: tuple[str, ...] = ()
    others: Pick | None = None
    rollout: Rollout | None = None
    halted: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, name in (("name", self.name), ("channel", self.channel), *(("sites", site) for site in self.sites)):
            if not is_name(name):
                msg = f"{key} = {name!r}: must be 1-64 letters, digits, '.', '_' or '-', first a letter or digit"
                raise ValueError(msg)
        if not 0 <= self.percent <= 100:
            msg = f"percent = {self.percent}: must be from 0 to 100"
            raise ValueError(msg)
        if self.counter < 0 or self.not_after <= self.issued:
            msg = f"counter = {self.counter}, not_after = {self.not_after}: must be 0 or more, and after issued"
            raise ValueError(msg)

    @property
    def whole(self) -> bool:
        """Whether all gateways are to serve the version."""
        return self.mode == "active" and self.percent == 100 and not self.sites

    @property
    def served_by_all(self) -> Pick | None:
        """What a gateway that is not chosen by the next issue is to go on with; None = what it has."""
        return self.wanted if self.whole else self.others

    @property
    def model(self) -> str:
        """What the chosen gateways serve, as "name@version"."""
        return f"{self.name}@{self.wanted.version}"


@dataclass(frozen=True, slots=True)
class Seen:
    """The issue that a gateway took last.

    Attributes:
        counter: Of it.
        digest: SHA-256 (hex) of its bytes.
    """

    counter: int
    digest: str


def channel_key(name: str, channel: str) -> str:
    """Where a channel lies below the root of a target."""
    return f"models/{name}/channel-{channel}.signed"


def bundle_key(name: str, version: str, file: str) -> str:
    """Where a file of a bundle lies below the root of a target."""
    return f"models/{name}/{version}/{file}"


def write_channel(channel: Channel, sign: Callable[[bytes], bytes]) -> bytes:
    """The object, signed.

    Args:
        channel: What it says.
        sign: Of a private key.
    """
    text = (json.dumps(asdict(channel), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    return base64.b64encode(sign(text)) + b"\n" + text


def read_channel(data: bytes, keys: TrustedKeys, name: str, channel: str) -> Channel:
    """The channel, if one of the keys signed it and it is the one that was asked for.

    Args:
        data: The object.
        keys: Whom to believe; without any, nobody is.
        name: Of the model.
        channel: Of the channel.

    Raises:
        ChannelRefused: It is not.
    """
    where = channel_key(name, channel)
    line, _, text = data[:MOST_BYTES].partition(b"\n")
    try:
        signature = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if len(data) > MOST_BYTES:
        raise ChannelRefused(where, f"it is larger than {MOST_BYTES} bytes", _REFETCH)
    if not keys.vouch(text, signature):
        raise ChannelRefused(where, "none of [models] trusted_keys signed it, or it is damaged", _SIGN)
    try:
        found = read_strict(text, SCHEMA, _reader)
    except ValueError as error:
        raise ChannelRefused(where, str(error), "publish it with this software") from error
    if (found.name, found.channel) != (name, channel):
        rule = f"it is the channel {found.channel} of {found.name}, put in the place of another"
        raise ChannelRefused(where, rule, _REFETCH)
    return found


def check_fresh(channel: Channel, digest: str, seen: Seen | None, now: int) -> None:
    """An attacker who holds old issues, validly signed, gets nowhere with them.

    Args:
        channel: What was read.
        digest: SHA-256 (hex) of its bytes.
        seen: What was taken last; None = nothing.
        now: ns since the epoch.

    Raises:
        ChannelRefused: It is older than what was taken, another one with the same counter, or its time is over.
    """
    where = channel_key(channel.name, channel.channel)
    if seen is not None and channel.counter < seen.counter:
        rule = f"its counter {channel.counter} is older than {seen.counter}, which was taken already"
        raise ChannelRefused(where, rule, _REFETCH)
    if seen is not None and channel.counter == seen.counter and digest != seen.digest:
        rule = f"its counter {channel.counter} was taken already with other contents; two wrote at a time"
        raise ChannelRefused(where, rule, _REFETCH)
    if now >= channel.not_after:
        raise ChannelRefused(where, f"its time was over {(now - channel.not_after) / 1e9:.0f} s ago", _REFETCH)


def chosen(channel: Channel, site: str, gateway: str) -> bool:
    """Whether a gateway is one of the share: each decides by itself, and one that is stays so while the share grows."""
    if channel.sites and site not in channel.sites:
        return False
    digest = hashlib.sha256(f"{site}/{gateway}{channel.wanted.version}".encode()).hexdigest()
    return int(digest[:8], 16) % 100 < channel.percent


@cache
def _reader() -> TypeAdapter[Channel]:
    """Takes some ms to make: not at import."""
    return TypeAdapter(Channel)
