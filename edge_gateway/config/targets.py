"""Sections of where records go, one a kind of target: a table says by `kind` which it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator

from edge_gateway.config.section import option
from edge_gateway.config.target_parts import KINDS_FIX, TargetSection
from edge_gateway.config.targets_store import PyarrowTargetSection, S3TargetSection
from edge_gateway.config.targets_web import HttpsTargetSection, MqttTargetSection
from edge_gateway.config.units import FilePath

__all__ = [
    "AnyTarget",
    "FileTargetSection",
    "HttpsTargetSection",
    "MqttTargetSection",
    "PyarrowTargetSection",
    "S3TargetSection",
    "TargetSection",
]


class FileTargetSection(TargetSection):
    """A folder: a network share, a USB medium, or a folder another program carries away."""

    kind: Literal["file"] = option(description="Kind of target.", fix=KINDS_FIX, example="file")
    path: FilePath = option(
        description="Folder that must exist; a missing folder counts as an unreachable target, it is never created.",
        fix="Create the folder, or mount the share.",
        example="/mnt/cloud",
    )


AnyTarget = Annotated[
    FileTargetSection | S3TargetSection | HttpsTargetSection | MqttTargetSection | PyarrowTargetSection,
    Discriminator("kind"),
]
