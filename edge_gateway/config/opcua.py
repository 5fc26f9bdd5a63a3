"""Sections of the links to OPC-UA servers."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from edge_gateway.config.opcua_glob import OpcUaGlobSection
from edge_gateway.config.opcua_tag import OpcUaTagSection
from edge_gateway.config.section import NAME_FIX, Flag, Name, Section, Whole, day, minute, ms, option, s
from edge_gateway.config.units import Duration, FilePath


class OpcUaSection(Section):
    """One OPC-UA server."""

    name: Name = option(description="Name of this link in logs and metrics.", fix=NAME_FIX, example="line-plc")
    endpoint: str = option(
        description="Address of the server.",
        fix="Write opc.tcp://HOST:PORT/PATH as the server shows it.",
        example="opc.tcp://192.168.0.10:4840/plant",
        pattern=r"^opc\.tcp://[^\s/]+",
    )
    policy: Literal["best", "None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = option(
        "Basic256Sha256",
        description="Security policy. best = the strongest that the server offers in this mode, never None. "
        "None sends everything readable.",
        fix="Use best, or name the one that your plant prescribes.",
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
    password_env: str | None = option(
        None,
        description="Or: name of the environment variable that holds the password. Read at every start.",
        fix="Write its name, not the password; letters, digits and _ only.",
        example="PLC_PASSWORD",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    )
    user_certificate: FilePath | None = option(
        None,
        description="Certificate of a user (DER or PEM), instead of user and password. Needs a policy.",
        example="/etc/sluicegate/user.der",
    )
    user_key: FilePath | None = option(
        None, description="Private key of that user (PEM or DER).", example="/run/secrets/user.pem"
    )
    publishing_interval: Duration = option(
        500 * ms,
        description="How often the server sends what it has sampled; adds to the latency of an alert.",
        fix="50ms to 1s.",
        ge=10 * ms,
        le=minute,
    )
    priority: Whole = option(
        0,
        description="Of the subscription at the server: higher ones are sent first. 0 to 255.",
        fix="0, unless several clients of one server compete.",
        ge=0,
        le=255,
    )
    poll_interval: Duration | None = option(
        None,
        description="Read all tags this often instead of subscribing: for servers without subscriptions. 10ms to 1d.",
        fix="Leave it out where the server can do subscriptions.",
        ge=10 * ms,
        le=day,
        example="1s",
    )
    time_past: Duration = option(
        7 * day,
        description="A source time further before the receipt is not believed: server time, else receipt is taken.",
        fix="Longer than any outage that the server bridges.",
        ge=s,
    )
    time_ahead: Duration = option(
        10 * s,
        description="A source time further after the receipt is not believed.",
        fix="More than the clocks of server and gateway differ.",
        ge=s,
    )
    initial: Literal["as_now", "as_is"] = option(
        "as_now",
        description="Time of the first value after a connection, and of one that is read, if it did not change lately: "
        "now, for it holds now, or when it last changed.",
        fix="as_is lets windows see such values as late.",
    )
    backfill: Flag = option(
        default=True,
        description="After a gap, read what is missing from the history of the server, for tags that have one.",
        fix="true; false if the server must not be asked for histories.",
    )
    backfill_limit: Duration = option(
        day,
        description="Of a gap that is longer, only so much of its end is read from history. 1s to 366d.",
        fix="1h to 7d.",
        ge=s,
        le=366 * day,
    )
    backfill_rate: Whole = option(
        10_000,
        description="Values a second that are read from history at most; live ones go first. 1 to 10000000.",
        fix="Less for a small server.",
        ge=1,
        le=10_000_000,
    )
    connect_timeout: Duration = option(
        5 * s, description="Time-out of a connect.", fix="1s to 60s.", ge=100 * ms, le=minute
    )
    request_timeout: Duration = option(
        5 * s, description="Time-out of a request.", fix="1s to 60s.", ge=100 * ms, le=minute
    )
    tags: tuple[OpcUaTagSection, ...] = option((), description="What to subscribe to.", shown=True)
    globs: tuple[OpcUaGlobSection, ...] = option(
        (), description="Or: many tags of one pattern, found once by `sluicegate resolve` and pinned in a file."
    )

    @model_validator(mode="after")
    def _whole(self) -> OpcUaSection:
        secure = self.policy != "None"
        keys = [glob.key for glob in self.globs]
        rules = {
            "there is nothing to read: list tags under [[opcua.tags]] or globs under [[opcua.globs]]": bool(
                self.tags or self.globs
            ),
            "a glob stands there twice, with the same start and asset: remove one": len(set(keys)) == len(keys),
            f"policy {self.policy!r} with mode {self.mode!r}: both must be 'None' or neither": secure
            == (self.mode != "None"),
            "a secure link needs server_certificate or trust_folder, else any server would be trusted": not secure
            or self.server_certificate is not None
            or self.trust_folder is not None,
            "certificate and private_key go together: give both or neither": (self.certificate is None)
            == (self.private_key is None),
            "password_file and password_env exclude each other: give one of them": self.password_file is None
            or self.password_env is None,
            "user goes together with password_file or password_env: give a user and one of them, or none": (
                self.user is None
            )
            == (self.password_file is None and self.password_env is None),
            "user_certificate and user_key go together: give both or neither": (self.user_certificate is None)
            == (self.user_key is None),
            "user_certificate goes with a policy, and without user and password": self.user_certificate is None
            or (secure and self.user is None),
            "a password would cross the network readable: choose a security policy, or leave out user": secure
            or self.user is None,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self
