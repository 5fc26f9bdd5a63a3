"""Sections of the links to devices."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import field_validator, model_validator

from connectors.errors import AddressError
from connectors.modbus.address import parse
from connectors.opcua.address import parse_node
from edge_gateway.config.section import NAME_FIX, Name, Number, Section, Whole, minute, ms, option, s
from edge_gateway.config.units import Duration, FilePath

_LEAST_RATE = 0.001  # Hz


class OpcUaTagSection(Section):
    """One monitored item."""

    asset: Name = option(description="Machine the tag belongs to.", fix=NAME_FIX, example="pump-1")
    tag: Name = option(description="Name of the tag, unique within its asset.", fix=NAME_FIX, example="flow")
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
    queue_size: Whole | None = option(
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
    waveform_rate: Number = option(
        0.0,
        description="Hz. For a tag whose value is an array: sampling rate of its evenly spaced elements. 0 = scalar.",
        fix="Give the sampling rate of the array, for example 4096.0.",
        ge=0,
        le=1e8,
    )

    @field_validator("node")
    @classmethod
    def _node(cls, value: str) -> str:
        parse_node(value)
        return value

    @field_validator("waveform_rate")
    @classmethod
    def _rate(cls, value: float) -> float:
        if 0 < value < _LEAST_RATE:
            msg = f"must be 0 or at least {_LEAST_RATE}"
            raise ValueError(msg)
        return value


class OpcUaSection(Section):
    """One OPC-UA server."""

    name: Name = option(description="Name of this link in logs and metrics.", fix=NAME_FIX, example="line-plc")
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
        secure = self.policy != "None"
        rules = {
            f"policy {self.policy!r} with mode {self.mode!r}: both must be 'None' or neither": secure
            == (self.mode != "None"),
            "a secure link needs server_certificate or trust_folder, else any server would be trusted": not secure
            or self.server_certificate is not None
            or self.trust_folder is not None,
            "certificate and private_key go together: give both or neither": (self.certificate is None)
            == (self.private_key is None),
            "user and password_file go together: give both or neither": (self.user is None)
            == (self.password_file is None),
            "a password would cross the network readable: choose a security policy, or leave out user": secure
            or self.user is None,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self


class ModbusTagSection(Section):
    """One value in the registers."""

    asset: Name = option(description="Machine the tag belongs to.", fix=NAME_FIX, example="pump-1")
    tag: Name = option(
        description="Name of the tag, unique within its asset.", fix=NAME_FIX, example="winding_temperature"
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

    name: Name = option(description="Name of this link in logs and metrics.", fix=NAME_FIX, example="press-line")
    host: str = option(description="Host name or address.", fix="Name the host.", min_length=1, example="192.168.0.20")
    port: Whole = option(
        502, description="TCP port. 1 to 65535.", fix="502 unless the device says otherwise.", ge=1, le=65535
    )
    unit_id: Whole = option(
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
    attempts: Whole = option(
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
    max_registers: Whole = option(
        125,
        description="Registers in one request. 1 to 125.",
        fix="125 unless the manual of the device says less.",
        ge=1,
        le=125,
    )
    max_bits: Whole = option(
        2000,
        description="Coils or discrete inputs in one request. 1 to 2000.",
        fix="2000 unless the manual of the device says less.",
        ge=1,
        le=2000,
    )
    merge_gap: Whole = option(
        50,
        description="Registers or bits nobody asked for that are read through to save a request. 0 to 1000.",
        fix="0 for devices that misbehave on unused addresses.",
        ge=0,
        le=1000,
    )
    tags: tuple[ModbusTagSection, ...] = option(
        description="What to read.", fix="List at least one tag under [[modbus.tags]].", min_length=1
    )
