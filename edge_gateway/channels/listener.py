"""Hears what a channel says: asks, believes what is signed and newer, and tells when nothing is heard."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import structlog

from cloud_sink.errors import PermanentDeliveryError, TransientDeliveryError
from edge_gateway.channels.notebook import Notebook
from edge_gateway.channels.outside import Outside
from edge_gateway.config.models import ChannelSection
from edge_gateway.config.units import duration_text
from flows.durations import to_ns
from models.channel import MOST_BYTES, Channel, channel_key, check_fresh, read_channel
from models.errors import ChannelRefused
from models.life.record import Step
from models.signature import TrustedKeys

log = structlog.get_logger(__name__)


class Listener:
    """See above. For one thread.

    Args:
        section: Of the channel.
        keys: Whom to believe.
        notes: Of this channel.
        outside: See there.
    """

    def __init__(self, section: ChannelSection, keys: TrustedKeys, notes: Notebook, outside: Outside) -> None:
        self._section = section
        self._keys = keys
        self._notes = notes
        self._outside = outside
        self.channel = self._known()

    def poll(self) -> None:
        """Ask once whether the channel has changed.

        Raises:
            DeliveryError: There was no answer, or no channel; what was known holds.
        """
        now = self._outside.clock()
        try:
            found = self._outside.ask(
                channel_key(self._notes.model, self._section.channel), MOST_BYTES, self._notes.kept.tag
            )
        except PermanentDeliveryError as error:
            self._not_taken(error, now)
            return
        except TransientDeliveryError:
            self._look_at_age(now)
            raise
        if found.data is None or hashlib.sha256(found.data).hexdigest() == self._notes.kept.digest:
            self._notes.over("channel_refused")
            self._notes.keep(
                heard=now,
                tag=found.tag or self._notes.kept.tag,
                told=tuple(one for one in self._notes.kept.told if one != "channel_refused"),
            )
            self._look_at_age(now)
            return
        digest = hashlib.sha256(found.data).hexdigest()
        try:
            channel = read_channel(found.data, self._keys, self._notes.model, self._section.channel)
            check_fresh(channel, digest, self._notes.kept.seen, now)
        except ChannelRefused as refused:
            self._not_taken(refused, now)
            return
        self._notes.keep(
            heard=now,
            counter=channel.counter,
            digest=digest,
            text=found.data.decode(),
            tag=found.tag,
            told=(),
        )
        self.channel = channel
        self._notes.all_over()
        self._look_at_age(now)
        log.info("channel_taken", model=channel.model, channel=self._notes.kept.channel, counter=channel.counter)

    def _not_taken(self, why: Exception, now: int) -> None:
        self._notes.tell("channel_refused", f"channel-{self._section.channel}", Step.CHANNEL_REFUSED, str(why))
        self._look_at_age(now)

    def _look_at_age(self, now: int) -> None:
        channel, most = self.channel, to_ns(self._section.max_age)
        issued = channel.issued if channel else self._notes.kept.since
        if channel is not None and now >= channel.not_after:
            why = (
                f"its time was over {duration_text(_seconds(now - channel.not_after))} ago: it starts nothing any more"
            )
        elif now - issued > most:
            what = "it was issued" if channel else "nothing was heard since"
            why = f"{what} {duration_text(_seconds(now - issued))} ago, and [models.channels] max_age is "
            why += duration_text(self._section.max_age)
        else:
            return
        heard = (
            f"last answer {duration_text(_seconds(now - self._notes.kept.heard))} ago"
            if self._notes.kept.heard
            else "no answer"
        )
        self._notes.tell("channel_old", f"channel-{self._section.channel}", Step.CHANNEL_OLD, f"{why} ({heard})")

    def _known(self) -> Channel | None:
        """The issue that was taken before a restart, if its key is still trusted."""
        if self._notes.kept.counter < 0:
            return None
        try:
            return read_channel(self._notes.kept.text.encode(), self._keys, self._notes.model, self._notes.kept.channel)
        except ChannelRefused as refused:
            log.warning("channel_not_trusted_any_more", model=self._notes.model, error=str(refused))
            return None


def _seconds(ns: int) -> timedelta:
    return timedelta(seconds=ns // 10**9)
