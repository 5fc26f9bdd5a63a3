"""What a dataflow asks of the gateway it runs in. In a test: lists at both ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from connectors.samples import Item
from flows.alarms import AlertSettings, Maintenance
from flows.drift_setup import DriftSetup
from flows.rules import RuleSet
from flows.window_kinds import AnyWindowSettings
from models.features import FeatureSet
from models.served import Models


class Gateway(Protocol):
    """Handed to every `build(gateway)`."""

    def source(self) -> Source[tuple[str, Item]]:
        """Blocks and notices, each with its asset as the key."""
        ...

    def sink(self) -> Sink[Any]:
        """Takes (asset, `Record`) and (asset, `Account`); Any, because merged streams of several kinds have no type."""
        ...

    @property
    def models(self) -> Models:
        """Those of every asset, as of now."""
        ...

    @property
    def drift(self) -> DriftSetup:
        """How windows are held against what their models were trained on, from the configuration."""
        ...

    @property
    def windows(self) -> AnyWindowSettings:
        """From the configuration."""
        ...

    @property
    def sketches(self) -> bool:
        """Whether quantile sketches are wanted, from the configuration."""
        ...

    @property
    def alerts(self) -> AlertSettings:
        """From the configuration."""
        ...

    @property
    def revision(self) -> int:
        """Another number whenever `alerts`, `rules` or `maintenance` may say something else than before."""
        ...

    def rules(self, asset: str) -> RuleSet:
        """The immediate rules of an asset, from the configuration."""
        ...

    def maintenance(self, asset: str) -> Maintenance:
        """When an asset is out of service, from the configuration."""
        ...

    @property
    def features(self) -> FeatureSet:
        """The feature set that the models of this gateway were trained with."""
        ...


# What a flow file offers: puts the dataflow together, given the gateway it will run in.
Build = Callable[[Gateway], Dataflow]
