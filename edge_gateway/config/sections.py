"""The sections of gateway.toml, one class each; a field's metadata is its documentation.

Every field says what it is (`description`), and what to write instead when it is wrong (`fix`). `sample.toml` is made
from these, so an option cannot be undocumented and a documented default cannot differ from the real one.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from connectors.errors import AddressError
from connectors.modbus.address import parse
from connectors.opcua.address import parse_node
from edge_gateway.config.units import Duration, FilePath, Size

ms, s, minute, day = (
    timedelta(milliseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(days=1),
)
MIB, GIB = 2**20, 2**30

# Names become parts of object keys, step keys and file names: no separators, no blanks.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
_NAME_FIX = "Use letters, digits, '_', '.', '-', at most 63, starting with a letter or digit."


def option(
    default: Any = ...,
    *,
    description: str,
    fix: str = "",
    example: Any = None,
    shown: bool = False,
    **rules: Any,
) -> Any:
    """A documented field.

    Args:
        default: `...` = required.
        description: One sentence with unit and range.
        fix: What to do when it is wrong; "" where the rule says it all.
        example: Written into sample.toml where there is no default.
        shown: The example stands there uncommented, although the option may be left out.
        rules: Pydantic constraints (ge, gt, le, min_length, ...).
    """
    extra = {"fix": fix, "example": example, "shown": shown}
    if default is ...:
        return Field(description=description, json_schema_extra=extra, **rules)
    return Field(default=default, description=description, json_schema_extra=extra, **rules)


class Section(BaseModel):
    """Frozen, and a misspelt key is refused rather than ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GatewaySection(Section):
    """Who this gateway is and where it keeps its data."""

    site: Name = option(description="Name of the site; part of every object key.", fix=_NAME_FIX, example="riverside")
    name: Name = option(
        description="Name of this gateway, unique within the site; part of every object key.",
        fix=_NAME_FIX,
        example="gateway-1",
    )
    data: FilePath = option(
        description="Folder for journal, outbox, recovery state and status; one gateway each.",
        fix="Name a folder on a local disk that the gateway may write.",
        example="/var/lib/sluicegate",
    )
    flow: str = option(
        "flows.condition_monitoring",
        description="Dataflow to run: a module, or a path ending in .py, that has build(gateway) -> Dataflow.",
        fix="Write for example 'flows.condition_monitoring' or 'my_flow.py'.",
        min_length=1,
    )
    epoch: Duration = option(
        5 * s,
        description="Time between two recovery snapshots of the flow; what is replayed after a crash. 1s to 60s.",
        fix="5s to 10s is right for most; shorter writes more to flash, longer replays more.",
        ge=s,
        le=minute,
    )


class OpcUaTagSection(Section):
    """One monitored item."""

    asset: Name = option(description="Machine the tag belongs to.", fix=_NAME_FIX, example="pump-1")
    tag: Name = option(description="Name of the tag, unique within its asset.", fix=_NAME_FIX, example="flow")
    node: str = option(
        description="Node id with the namespace URI, never its index: an index changes when the server is updated.",
        fix="Write 'nsu=<namespace uri>;s=<identifier>' (or ;i=, ;g=, ;b=), or 'i=<number>' for namespace 0.",
        example="nsu=urn:example:plant;s=pump-1.flow",
    )
    unit: str = option("", description="Engineering unit of the value.")
    sampling_interval: Duration | None = option(
        None,
        description="How often the server looks at the value; 0ms = as fast as it can. "
        "Left out = half the publishing interval.",
        fix="Half the publishing interval is a good start.",
        ge=timedelta(0),
        example="250ms",
    )
    queue_size: int | None = option(
        None,
        description="Values the server keeps for us; bridges link losses of queue_size x sampling_interval. "
        "1 to 1000000. Left out = enough for 30 s, at least 10.",
        fix="At least publishing_interval / sampling_interval, more to bridge outages.",
        ge=1,
        le=1_000_000,
        example=120,
    )
    expect_every: Duration = option(
        timedelta(0),
        description="Interval at which values are expected, by which coverage is judged. 0ms = the server reports by "
        "exception only, coverage is not judged.",
        fix="Give the interval at which the device really updates the value, or leave it out.",
        ge=timedelta(0),
    )
    waveform_rate: float = option(
        0.0,
        description="Hz. For a tag whose value is an array: sampling rate of its evenly spaced elements. 0 = scalar.",
        fix="Give the sampling rate of the array, for example 4096.0.",
        ge=0,
    )

    @field_validator("node")
    @classmethod
    def _node(cls, value: str) -> str:
        parse_node(value)
        return value


class OpcUaSection(Section):
    """One OPC-UA server."""

    name: Name = option(description="Name of this link in logs and metrics.", fix=_NAME_FIX, example="line-plc")
    endpoint: str = option(
        description="Address of the server.",
        fix="Write opc.tcp://HOST:PORT/PATH as the server shows it.",
        example="opc.tcp://192.168.0.10:4840/plant",
        pattern=r"^opc\.tcp://[^\s/]+",
    )
    policy: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = option(
        "Basic256Sha256",
        description="Security policy. None sends everything readable.",
        fix="Use Basic256Sha256 unless the server offers better.",
    )
    mode: Literal["None", "Sign", "SignAndEncrypt"] = option(
        "SignAndEncrypt", description="Message security mode.", fix="Use SignAndEncrypt; it costs next to nothing."
    )
    certificate: FilePath | None = option(
        None,
        description="Our certificate (DER or PEM). Left out with a private_key left out: made once in the data folder.",
        example="/etc/sluicegate/client.der",
    )
    private_key: FilePath | None = option(
        None, description="Our private key (PEM).", example="/etc/sluicegate/client.pem"
    )
    server_certificate: FilePath | None = option(
        None,
        description="Certificate of the server, pinned: no other is trusted. Needed with a policy, "
        "unless trust_folder is given.",
        example="/etc/sluicegate/plc.der",
        shown=True,
    )
    trust_folder: FilePath | None = option(
        None, description="Folder of server certificates that are trusted.", example="/etc/sluicegate/trusted"
    )
    user: str | None = option(None, description="User name; left out = anonymous.", example="gateway")
    password_file: FilePath | None = option(
        None,
        description="File that holds the password; secrets never stand in this file.",
        fix="Write the password into a file only the gateway may read (mode 0600) and name it here.",
        example="/run/secrets/plc-password",
    )
    publishing_interval: Duration = option(
        500 * ms,
        description="How often the server sends what it has sampled; adds to the latency of an alert.",
        fix="50ms to 1s.",
        ge=10 * ms,
        le=minute,
    )
    connect_timeout: Duration = option(
        5 * s, description="Time-out of a connect.", fix="1s to 60s.", ge=100 * ms, le=minute
    )
    request_timeout: Duration = option(
        5 * s, description="Time-out of a request.", fix="1s to 60s.", ge=100 * ms, le=minute
    )
    tags: tuple[OpcUaTagSection, ...] = option(
        description="What to subscribe to.", fix="List at least one tag under [[opcua.tags]].", min_length=1
    )

    @model_validator(mode="after")
    def _security(self) -> OpcUaSection:
        if (self.policy == "None") != (self.mode == "None"):
            msg = f"policy {self.policy!r} with mode {self.mode!r}: both must be 'None' or neither"
            raise ValueError(msg)
        if self.policy != "None" and self.server_certificate is None and self.trust_folder is None:
            msg = "a secure link needs server_certificate or trust_folder, else any server would be trusted"
            raise ValueError(msg)
        if (self.certificate is None) != (self.private_key is None):
            msg = "certificate and private_key go together: give both or neither"
            raise ValueError(msg)
        if (self.user is None) != (self.password_file is None):
            msg = "user and password_file go together: give both or neither"
            raise ValueError(msg)
        if self.user is not None and self.policy == "None":
            msg = "a password would cross the network readable: choose a security policy, or leave out user"
            raise ValueError(msg)
        return self


class ModbusTagSection(Section):
    """One value in the registers."""

    asset: Name = option(description="Machine the tag belongs to.", fix=_NAME_FIX, example="pump-1")
    tag: Name = option(
        description="Name of the tag, unique within its asset.", fix=_NAME_FIX, example="winding_temperature"
    )
    address: str = option(
        description="table:register:kind[:order][*scale][+offset], zero-based, see connectors/modbus/README.md.",
        fix="For example 'holding:100:float32:CDAB' or 'input:8:int16*0.1'.",
        example="holding:100:float32:CDAB",
    )
    unit: str = option("", description="Engineering unit of the value after scaling.")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            parse(value)
        except AddressError as error:
            msg = f"{error.rule}. {error.fix}"
            raise ValueError(msg) from error
        return value


class ModbusSection(Section):
    """One Modbus unit behind one TCP endpoint."""

    name: Name = option(description="Name of this link in logs and metrics.", fix=_NAME_FIX, example="press-line")
    host: str = option(description="Host name or address.", fix="Name the host.", min_length=1, example="192.168.0.20")
    port: int = option(
        502, description="TCP port. 1 to 65535.", fix="502 unless the device says otherwise.", ge=1, le=65535
    )
    unit_id: int = option(
        1,
        description="Address of the unit behind the endpoint. 0 to 255.",
        fix="Use the unit id set on the device; 1 or 255 where it has none.",
        ge=0,
        le=255,
    )
    poll_interval: Duration = option(
        1 * s, description="Time between two polls of all tags.", fix="10ms to 1h.", ge=10 * ms, le=60 * minute
    )
    connect_timeout: Duration = option(
        3 * s, description="Time-out of a connect.", fix="100ms to 60s.", ge=100 * ms, le=minute
    )
    timeout: Duration = option(1 * s, description="Time-out of a request.", fix="10ms to 60s.", ge=10 * ms, le=minute)
    attempts: int = option(
        2,
        description="How often a request is sent before its values are bad. 1 to 10.",
        fix="2 repeats a lost reply once.",
        ge=1,
        le=10,
    )
    pause: Duration = option(
        timedelta(0),
        description="Least time between the end of one exchange and the next request.",
        fix="20ms to 100ms for slow gateways, 0ms for all others.",
        ge=timedelta(0),
        le=minute,
    )
    max_registers: int = option(
        125,
        description="Registers in one request. 1 to 125.",
        fix="125 unless the manual of the device says less.",
        ge=1,
        le=125,
    )
    max_bits: int = option(
        2000,
        description="Coils or discrete inputs in one request. 1 to 2000.",
        fix="2000 unless the manual of the device says less.",
        ge=1,
        le=2000,
    )
    merge_gap: int = option(
        50,
        description="Registers or bits nobody asked for that are read through to save a request. 0 to 1000.",
        fix="0 for devices that misbehave on unused addresses.",
        ge=0,
        le=1000,
    )
    tags: tuple[ModbusTagSection, ...] = option(
        description="What to read.", fix="List at least one tag under [[modbus.tags]].", min_length=1
    )


class WindowsSection(Section):
    """Event-time windows."""

    length: Duration = option(10 * s, description="Length of a window.", fix="1s to 1h.", ge=100 * ms, le=60 * minute)
    every: Duration | None = option(
        None,
        description="Start a window this often (hopping); length must be a multiple of it. "
        "Left out = length (tumbling).",
        fix="For example every = '2s' with length = '10s'.",
        example="2s",
    )
    lateness: Duration = option(
        1 * s,
        description="How long a window waits, in event time, for stragglers; adds to the latency of an alert.",
        fix="A little more than the slowest publishing or poll interval of an asset.",
        ge=timedelta(0),
        le=60 * minute,
    )
    allowed_skew: Duration = option(
        10 * s,
        description="A sample whose source time is further ahead of our clock is dropped and counted (clock_skew).",
        fix="A little more than the worst clock error you expect of a device.",
        ge=timedelta(0),
        le=day,
    )

    @model_validator(mode="after")
    def _multiple(self) -> WindowsSection:
        if self.every is not None and (self.every <= timedelta(0) or self.length % self.every != timedelta(0)):
            msg = "length must be a multiple of every"
            raise ValueError(msg)
        return self


class ModelSection(Section):
    """A model bundle and the assets it scores."""

    assets: tuple[Name, ...] = option(
        description="Assets it scores.", fix="List assets that have tags.", min_length=1, example=["pump-1"]
    )
    bundle: FilePath = option(
        description="Folder of the bundle, made by `sluicegate train`.",
        fix="Name a bundle folder.",
        example="/var/lib/sluicegate/models/pump",
    )


class AlertsSection(Section):
    """When an alert opens and clears. Scores are in units of the model's threshold."""

    open_above: float = option(
        1.0, description="Score above which a window counts as anomalous.", fix="1.0 = the calibrated threshold.", gt=0
    )
    open_after: int = option(
        2,
        description="Windows in a row before an alert opens. 1 to 1000.",
        fix="1 is fastest, 2 or 3 calmer.",
        ge=1,
        le=1000,
    )
    clear_below: float = option(
        0.8,
        description="Score below which a window counts as normal again (hysteresis).",
        fix="Below open_above.",
        gt=0,
    )
    clear_after: int = option(
        3, description="Windows in a row before an alert clears. 1 to 1000.", fix="1 to 1000.", ge=1, le=1000
    )
    alarm_above: float = option(
        2.0,
        description="Score from which an alert opens as 'alarm' rather than 'warning'.",
        fix="At least open_above.",
        gt=0,
    )
    quality_after: int = option(
        2,
        description="Windows in a row in which a model had to abstain for want of good data, before the "
        "data_quality alert opens.",
        fix="1 to 1000.",
        ge=1,
        le=1000,
    )

    @model_validator(mode="after")
    def _hysteresis(self) -> AlertsSection:
        if self.clear_below > self.open_above:
            msg = (
                f"clear_below {self.clear_below} must not be above open_above {self.open_above}, else it would flutter"
            )
            raise ValueError(msg)
        return self


class JournalSection(Section):
    """The ring of raw samples on the local disk. It never leaves the site."""

    quota: Size = option(
        2 * GIB,
        description="Bytes on disk; beyond it the oldest goes, counted if it was unread.",
        fix="At least 16 MiB.",
        ge=16 * MIB,
    )
    retention: Duration = option(
        7 * day,
        description="Age at which what was read is removed even below the quota.",
        fix="1min to 365d.",
        ge=minute,
        le=365 * day,
    )
    fsync_every: Duration = option(
        500 * ms,
        description="Longest time raw samples are not on the disk; what a power cut can lose.",
        fix="50ms to 10s.",
        ge=50 * ms,
        le=10 * s,
    )
    intake_limit: int = option(
        200_000,
        description="Samples held in memory while the disk stalls; beyond it blocks are dropped and counted.",
        fix="At least 1000.",
        ge=1000,
    )
    idle_after: Duration = option(
        5 * s,
        description="Silence of a whole asset after which its open windows are closed.",
        fix="1s to 1h.",
        ge=100 * ms,
        le=60 * minute,
    )


class OutboxSection(Section):
    """The durable queue of records for the cloud."""

    quota: Size = option(
        512 * MIB,
        description="Bytes of records kept; beyond it the oldest summaries go, counted.",
        fix="At least 1 MiB.",
        ge=MIB,
    )
    alert_reserve: Size = option(
        64 * MIB, description="Bytes beyond the quota that only alerts may use.", fix="At least 1 MiB.", ge=MIB
    )
    summary_file: Duration = option(
        15 * minute,
        description="Event time covered by one summary file; must divide one hour.",
        fix="15min is a good size; shorter files cost more bytes.",
        ge=s,
        le=60 * minute,
    )
    retry_first: Duration = option(
        1 * s,
        description="First wait after a failed delivery; doubles, with full jitter.",
        fix="100ms to 1min.",
        ge=100 * ms,
        le=minute,
    )
    retry_cap: Duration = option(
        5 * minute, description="Longest wait between two tries.", fix="1s to 1h.", ge=s, le=60 * minute
    )

    @field_validator("summary_file")
    @classmethod
    def _divides(cls, value: timedelta) -> timedelta:
        if timedelta(hours=1) % value:
            msg = "must divide one hour, since a file has one hour in its key"
            raise ValueError(msg)
        return value


class FileTargetSection(Section):
    """A folder: a network share, a USB medium, or a folder another program carries away."""

    kind: Literal["file"] = option(description="Kind of target.", fix="Only 'file' exists today.", example="file")
    path: FilePath = option(
        description="Folder that must exist; a missing folder counts as an unreachable target, it is never created.",
        fix="Create the folder, or mount the share.",
        example="/mnt/cloud",
    )


class Config(Section):
    """A whole gateway.toml."""

    gateway: GatewaySection = option(
        description="Who this gateway is.", fix="Add a [gateway] table with site, name and data."
    )
    opcua: tuple[OpcUaSection, ...] = option((), description="OPC-UA servers.")
    modbus: tuple[ModbusSection, ...] = option((), description="Modbus units.")
    windows: WindowsSection = option(WindowsSection(), description="Event-time windows.")
    model: tuple[ModelSection, ...] = option((), description="Models; an asset without one is summarized, not scored.")
    alerts: AlertsSection = option(AlertsSection(), description="Alert logic.")
    journal: JournalSection = option(JournalSection(), description="Raw samples on disk.")
    outbox: OutboxSection = option(OutboxSection(), description="Records on disk.")
    target: FileTargetSection = option(description="Where records go.", fix="Add a [target] table with kind and path.")

    def resolve(self, base: Path) -> Path:
        """Folder of the data, relative paths against the folder of the configuration file."""
        return base / self.gateway.data
