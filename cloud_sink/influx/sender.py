"""From the ring to the server, oldest first, whatever the server says."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cloud_sink.influx.answers import Then, Verdict, judge
from cloud_sink.influx.client import Answer
from cloud_sink.influx.ring import Chunk, Ring

log = structlog.get_logger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S, HOLD_S = 1.0, 60.0, 60.0
"""Back-off with full jitter. An InfluxDB stands on the site: looking once a minute costs nobody anything."""


class Writer(Protocol):
    """What sends; see `InfluxWriter`."""

    def write(self, body: bytes) -> Answer:
        """Send gzip of lines."""
        ...


@dataclass(slots=True)
class InfluxStats:
    """Since this process began.

    Attributes:
        written: Lines the server took.
        refused: Lines it never will, by reason.
        failures: Writes that will be tried again, by reason.
        wire: Bytes of bodies that an answer came to.
        trouble: Of the last write; "" = it worked.
    """

    written: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    wire: int = 0
    trouble: str = ""


class InfluxSender:
    """Empties a ring. Not for threads."""

    def __init__(
        self,
        ring: Ring,
        writer: Writer,
        uniform: Callable[[float, float], float] = random.uniform,
        note: Callable[[bytes, Answer], None] = lambda _body, _answer: None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            ring: What is to be sent; the caller closes it.
            writer: How.
            uniform: Draws the jitter.
            note: Told of every body that an answer came to, and of the answer.
        """
        self.stats = InfluxStats()
        self._ring = ring
        self._writer = writer
        self._uniform = uniform
        self._note = note
        self._failures = 0  # in a row

    def step(self) -> float:
        """Send the oldest row, if there is one.

        Returns:
            Seconds to wait before the next step; 0 = there may be more at once.

        Raises:
            OutboxError: The ring cannot be used any more.
        """
        chunk = self._ring.take()
        if chunk is None:
            return FIRST_WAIT_S
        verdict = self._send(chunk)
        if verdict.then in {Then.RETRY, Then.HOLD}:
            return self._postpone(verdict)
        self._ring.done(chunk)
        self._failures, self.stats.trouble = 0, ""
        return 0.0

    def _send(self, chunk: Chunk) -> Verdict:
        answer = self._write(chunk.body)
        verdict = judge(answer.status, answer.body)
        match verdict.then:
            case Then.DONE:
                self._count(chunk.lines, verdict, answer)
            case Then.SPLIT:
                return self._halves(chunk, verdict, answer)
            case _:
                pass
        return verdict

    def _halves(self, chunk: Chunk, verdict: Verdict, answer: Answer) -> Verdict:
        """Send a refused row's lines in ever smaller parts; a line that is taken twice changes nothing."""
        try:
            lines = chunk.text()
        except ValueError as error:
            log.error("influx_row_damaged", error=str(error), lines=chunk.lines)
            self.stats.refused["damaged"] += chunk.lines
            return Verdict(Then.DONE)
        return self._parts(lines, verdict, answer)

    def _parts(self, lines: Sequence[str], verdict: Verdict, answer: Answer) -> Verdict:
        if len(lines) == 1:
            self.stats.refused[verdict.reason] += 1
            log.error("influx_line_refused", reason=verdict.reason, line=lines[0][:200], answer=answer.body[:200])
            return Verdict(Then.DONE)
        middle = len(lines) // 2
        for part in (lines[:middle], lines[middle:]):
            again = self._write(gzip.compress("".join(f"{line}\n" for line in part).encode(), 1, mtime=0))
            said = judge(again.status, again.body)
            match said.then:
                case Then.DONE:
                    self._count(len(part), said, again)
                case Then.SPLIT:
                    if (end := self._parts(part, said, again)).then is not Then.DONE:
                        return end
                case _:
                    return said
        return Verdict(Then.DONE)

    def _write(self, body: bytes) -> Answer:
        answer = self._writer.write(body)
        if answer.status:
            self.stats.wire += len(body)
            self._note(body, answer)
        self._last = answer
        return answer

    def _count(self, lines: int, verdict: Verdict, answer: Answer) -> None:
        self.stats.written += lines - verdict.refused.total()
        if verdict.refused:
            self.stats.refused.update(verdict.refused)
            log.error("influx_lines_refused", **verdict.refused, answer=answer.body[:200])

    def _postpone(self, verdict: Verdict) -> float:
        if self.stats.trouble != verdict.reason:
            log.warning("influx_down", reason=verdict.reason, answer=self._last.body[:200])
        self.stats.trouble = verdict.reason
        self.stats.failures[verdict.reason] += 1
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._failures, 30))
        self._failures += 1
        if verdict.then is Then.HOLD:
            return HOLD_S
        try:
            asked = float(self._last.retry_after)
        except ValueError:
            asked = 0.0
        return min(LONGEST_WAIT_S, asked) + self._uniform(0.0, longest)
