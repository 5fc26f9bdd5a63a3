"""What the flow runs by and takes over while it runs: rules, alarms' settings, calendars, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_gateway.cold_starts import cold_starts
from edge_gateway.config.config import Config
from edge_gateway.maintenance import calendars
from edge_gateway.reload.in_force import InForce
from edge_gateway.rule_sets import rule_sets
from edge_gateway.serving.crew import Crew, Recruiter
from edge_gateway.serving.fixed import FixedModels, fixed_models
from flows.alarms import Maintenance
from flows.rules import RuleSet
from models.cold_start import ColdStart
from models.errors import ModelError
from models.features import FeatureSet
from models.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one configuration; what is not of a model is cheap to make.

    Attributes:
        config: All of it.
        rules: By asset.
        maintenance: By asset.
        cold_starts: By asset.
    """

    config: Config
    rules: Mapping[str, RuleSet]
    maintenance: Mapping[str, Maintenance]
    cold_starts: Mapping[str, ColdStart]


@dataclass(frozen=True, slots=True, eq=False)
class Renewal:
    """Made ready beside the flow, to be taken over between two passes.

    Attributes:
        kept: What is in force.
        standing: Made of it.
        fixed: Models by their folders.
        recruiter: Looks after the named ones from then on.
        crew: What it found.
    """

    kept: InForce
    standing: Standing
    fixed: FixedModels
    recruiter: Recruiter
    crew: Crew


def standing_of(config: Config, features: FeatureSet) -> Standing:
    """Of a configuration."""
    return Standing(config, rule_sets(config), calendars(config), cold_starts(config, features))


def prepare(
    kept: InForce, features: FeatureSet, watchdog: Watchdog, fixed: FixedModels, recruiter: Recruiter
) -> Renewal:
    """Make it ready; models that stay are the same objects. Takes as long as opening the others does.

    Args:
        kept: What is in force.
        features: Those that the flow computes.
        watchdog: Of the flow's thread.
        fixed: Those that serve now.
        recruiter: Who serves now; of the thread that calls this.

    Raises:
        ModelError: One cannot be served.
    """
    config = kept.config
    following = recruiter.renewed(config)
    opened = fixed_models(config, features, watchdog, kept.files, fixed.opened)
    crew = following.look()
    if crew is None:
        raise ModelError(following.trouble)
    return Renewal(kept, standing_of(config, features), opened, following, crew)
