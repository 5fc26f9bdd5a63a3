"""What gateways delivered about a version, for whoever rolls it out. It lists the place, which no gateway does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cloud_sink.errors import PlaceError
from models.channel import Channel
from models.rollout import BEGUN, TROUBLES, Report


def read_reports(events: str, channel: Channel) -> list[Report]:
    """Events and alerts about the version of a rollout, each once.

    Args:
        events: Folder or URI that the gateways deliver to.
        channel: With a rollout.

    Raises:
        PlaceError: It cannot be read, or something in it is damaged.
    """
    from cloud_sink.lake.places import Days, open_place  # noqa: PLC0415 - pyarrow's file systems
    from cloud_sink.lake.tables import documents  # noqa: PLC0415 - as above

    assert channel.rollout is not None
    begun = datetime.fromtimestamp(channel.rollout.begun // 10**9, UTC).date()
    # The day in a key is that of event time: of an alarm it may be the day before, where a plant's clock is behind.
    since = Days(begun - timedelta(days=1), None)
    place = open_place(events.removeprefix("file://"))
    reports = {}
    for found, document in documents(place, since):
        gateway = f"{found.site}/{found.gateway}"
        try:
            for report in reports_of(gateway, channel.model, document):
                reports[gateway, str(document["key"])] = report
        except (KeyError, TypeError) as error:
            raise PlaceError(place.name, f"{found.path} holds no record of this software ({error})") from error
    return list(reports.values())


def reports_of(gateway: str, model: str, document: dict[str, Any]) -> Iterator[Report]:
    """What one record says of a version; nothing where it is about something else. Pure.

    Args:
        gateway: "site/name" of whose it is.
        model: "name@version".
        document: The record.
    """
    if "alert_id" in document:
        if (
            document["model"] == model
            and document["state"] == "opened"
            and document["rule"].split(".")[0] != "data_quality"
        ):
            yield Report(gateway, int(document["received_time"]), "alarm", str(document.get("detail", "")))
        return
    if (document["kind"], document["source"]) != ("model", model):
        return
    reason, at = str(document["reason"]), int(document["start"])
    if reason == "promoted":
        yield Report(gateway, at, "promoted")
    elif reason in BEGUN:
        yield Report(gateway, at, "begun")
    elif reason in TROUBLES:
        yield Report(gateway, at, "trouble", str(document.get("detail", reason)))
