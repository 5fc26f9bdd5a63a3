"""Sections of the targets that are stores of objects: buckets of S3, and what pyarrow has a file system for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from cloud_sink.uplink.store import parse_store
from edge_gateway.config.section import Flag, option
from edge_gateway.config.target_parts import KINDS_FIX, TargetSection, Url, ca_file
from edge_gateway.config.units import FilePath


def _store(value: str) -> str:
    if value.startswith(("s3:", "file:")):
        msg = "must be a store of Azure, Google or Hadoop: a bucket is kind 's3' and a folder kind 'file'"
        raise ValueError(msg)
    parse_store(value)
    return value


class S3TargetSection(TargetSection):
    """A bucket of any server that speaks Amazon's S3. Every object is verified by its ETag."""

    kind: Literal["s3"] = option(description="Kind of target.", fix=KINDS_FIX, example="s3")
    endpoint: Url = option(
        description="Address of the service, without the bucket.",
        fix="For example https://s3.eu-central-1.amazonaws.com or https://minio.plant.example:9000.",
        example="https://s3.eu-central-1.amazonaws.com",
    )
    bucket: str = option(
        description="Name of the bucket; it must exist.",
        fix="3 to 63 letters, digits, dots, dashes, underscores.",
        example="plant-data",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,62}$",
    )
    region: str = option(
        "us-east-1",
        description="Region, part of every signature; most servers other than Amazon's take any.",
        fix="For example eu-central-1.",
        pattern=r"^[A-Za-z0-9-]{1,63}$",
    )
    prefix: str = option(
        "",
        description="Put before every key; ends in a slash.",
        fix="For example 'gateways/'; letters, digits, '.', '_', '-', '=' between slashes.",
        example="gateways/",
        pattern=r"^([A-Za-z0-9._=-]+/)*$",
    )
    style: Literal["path", "virtual"] = option(
        "path",
        description="path: endpoint/bucket/key, known everywhere. virtual: bucket.endpoint/key, as Amazon prefers.",
        fix="Use path unless the service refuses it.",
    )
    credentials_file: FilePath | None = option(
        None,
        description="Credentials in the form of ~/.aws/credentials; read again when it changes. "
        "Left out: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment.",
        example="/run/secrets/s3-credentials",
    )
    profile: str = option("default", description="Profile in that file.", fix="Name one.", min_length=1)
    ca_file: FilePath | None = ca_file()
    overwrite: Flag = option(
        default=False,
        description="Replace what has our key instead of comparing it. Needed where the credentials allow PutObject "
        "only: comparing needs GetObject.",
        fix="true or false.",
    )


class PyarrowTargetSection(TargetSection):
    """A store that pyarrow has a file system for. Every object is read back, which costs its size once more."""

    kind: Literal["pyarrow"] = option(description="Kind of target.", fix=KINDS_FIX, example="pyarrow")
    uri: Annotated[str, AfterValidator(_store)] = option(
        description="Folder below which objects go: of Azure, Google Cloud Storage (gs://BUCKET/FOLDER), HDFS "
        "(hdfs://HOST:PORT/FOLDER).",
        fix="For example abfss://plant@account.dfs.core.windows.net/gateways.",
        example="abfss://plant@account.dfs.core.windows.net/gateways",
    )
    key_file: FilePath | None = option(
        None,
        description="File that holds the key of the Azure account; read again when it changes. Google's credentials "
        "are the file that the environment variable GOOGLE_APPLICATION_CREDENTIALS names.",
        example="/run/secrets/azure-key",
    )

    @model_validator(mode="after")
    def _whole(self) -> PyarrowTargetSection:
        azure = parse_store(self.uri).scheme in {"abfs", "abfss"}
        if azure and self.key_file is None:
            msg = "key_file is required for Azure: without it Microsoft's library would ask around for credentials"
            raise ValueError(msg)
        if not azure and self.key_file is not None:
            msg = "key_file is for Azure alone: leave it out"
            raise ValueError(msg)
        return self
