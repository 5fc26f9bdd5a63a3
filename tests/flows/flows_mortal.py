"""A gateway that dies: at an item, or when it has written so much; and what its outbox would hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import StatefulSourcePartition
from bytewax.outputs import StatelessSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, TestingSource
from flows_gateway import ListGateway, run

from cloud_sink.records import Account
from flows import condition_monitoring


class KilledError(Exception):
    """Stands for kill -9: nothing is cleaned up, nothing is committed."""


class Bomb:
    """An item in whose poll the flow dies: after its windows have taken in all else, before anything is committed."""

    asset = "zzz"  # states are called in the order of their keys

    @property
    def tags(self) -> None:
        raise KilledError


class Polls(TestingSource[Any]):
    """Each item is a list that is handed out in one poll."""

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        polls = self.polls

        class Part(StatefulSourcePartition[Any, int]):
            at = resume_state or 0

            def next_batch(self) -> list[Any]:
                if self.at >= len(polls):
                    raise StopIteration
                self.at += 1
                return polls[self.at - 1]

            def snapshot(self) -> int:
                return self.at

        return Part()

    def __init__(self, polls: list[list[Any]]) -> None:
        super().__init__([])
        self.polls = polls


class DyingSink(TestingSink[Any]):
    """Takes so many batches, and dies when it has written one more."""

    def __init__(self, out: list[Any], batches: int) -> None:
        super().__init__(out)
        self.out, self.left = out, batches

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        sink = self

        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                sink.out += items
                if not sink.left:
                    raise KilledError
                sink.left -= 1

        return Part()


@dataclass
class MortalGateway(ListGateway):
    """Lets a number of batches through to the sink."""

    batches: int = 1_000_000

    def source(self) -> TestingSource[Any]:
        return Polls([item if isinstance(item, list) else [item] for item in self.items])

    def sink(self) -> TestingSink[Any]:
        return DyingSink(self.out, self.batches)


def run_or_die(g: MortalGateway, store: RecoveryConfig) -> bool:
    """Whether it came to the end."""
    try:
        run(condition_monitoring.build(g), store)
    except KilledError:
        return False
    except BytewaxRuntimeError as error:
        if not isinstance(error.__cause__, KilledError):
            raise
        return False
    return True


def facts(g: ListGateway) -> dict[str, bytes]:
    """Every record by key, and the last account of each asset: what the outbox would hold."""
    records: dict[str, bytes] = {}
    for _, record in g.out:
        if isinstance(record, Account):
            assert record.balanced
            records[f"account/{record.asset}"] = repr(record).encode()
        else:
            assert records.setdefault(record.key, record.encode()) == record.encode(), "one key, two records"
    return records
