"""A whole gateway.toml: the sections put together."""

from __future__ import annotations

from edge_gateway.config.cluster import ClusterSection
from edge_gateway.config.influx import InfluxSection
from edge_gateway.config.log import LogSection
from edge_gateway.config.maintenance import MaintenanceSection
from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.models import ModelsSection
from edge_gateway.config.opcua import OpcUaSection
from edge_gateway.config.page import PageSection
from edge_gateway.config.processing import AlertsSection, DriftSection, FeaturesSection, ModelSection
from edge_gateway.config.rules import RuleSection
from edge_gateway.config.section import NAME_FIX, Name, Section, minute, option, s
from edge_gateway.config.storage import JournalSection, OutboxSection
from edge_gateway.config.targets import AnyTarget
from edge_gateway.config.units import Duration, FilePath
from edge_gateway.config.uplink import UplinkSection
from edge_gateway.config.windows import WindowsSection


class GatewaySection(Section):
    """Who this gateway is and where it keeps its data."""

    site: Name = option(description="Name of the site; part of every object key.", fix=NAME_FIX, example="riverside")
    name: Name = option(
        description="Name of this gateway, unique within the site; part of every object key.",
        fix=NAME_FIX,
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
    report_every: Duration = option(
        60 * minute,
        description="How often the gateway tells the cloud how it is: versions and counts, no values. 1min to 1d.",
        fix="1h is right for most; `sluicegate fleet` reads it.",
        ge=minute,
        le=24 * 60 * minute,
    )
    epoch: Duration = option(
        5 * s,
        description="Time between two recovery snapshots of the flow; what is replayed after a crash. 1s to 60s.",
        fix="5s to 10s is right for most; shorter writes more to flash, longer replays more.",
        ge=s,
        le=minute,
    )


class Config(Section):
    """A whole gateway.toml."""

    gateway: GatewaySection = option(
        description="Who this gateway is.", fix="Add a [gateway] table with site, name and data."
    )
    opcua: tuple[OpcUaSection, ...] = option((), description="OPC-UA servers.")
    modbus: tuple[ModbusSection, ...] = option((), description="Modbus lines.")
    windows: WindowsSection = option(WindowsSection(), description="Event-time windows.")
    features: FeaturesSection = option(FeaturesSection(), description="Features of every tag and window.")
    rules: tuple[RuleSection, ...] = option((), description="Immediate rules on tags, judged before any window.")
    model: tuple[ModelSection, ...] = option((), description="Models; an asset without one is summarized, not scored.")
    models: ModelsSection = option(ModelsSection(), description="Whom to trust, when to promote and to roll back.")
    drift: DriftSection = option(DriftSection(), description="Whether models still fit.")
    alerts: AlertsSection = option(AlertsSection(), description="Alert logic.")
    maintenance: tuple[MaintenanceSection, ...] = option((), description="When alarms are out of service.")
    journal: JournalSection = option(JournalSection(), description="Raw samples on disk.")
    outbox: OutboxSection = option(OutboxSection(), description="Records on disk.")
    target: tuple[AnyTarget, ...] = option(
        description="Where records go; one table a target.",
        fix="Write [[target]] above a table with kind, in double brackets: there may be several.",
        min_length=1,
    )
    page: PageSection = option(PageSection(), description="The gateway's own page.")
    log: LogSection = option(LogSection(), description="What is written to stderr.")
    influx: tuple[InfluxSection, ...] = option((), description="InfluxDBs that dashboards read.")
    cluster: ClusterSection = option(ClusterSection(), description="Hosts of one site that share the work.")
    uplink: UplinkSection = option(UplinkSection(), description="What sending may cost.")
