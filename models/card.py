"""The card: the manifest for people, one screen of plain text."""

from __future__ import annotations

from datetime import UTC, datetime

from models.holdout import ScoreSummary
from models.manifest import Calibration, Manifest


def write_card(manifest: Manifest, holdout: ScoreSummary, why: str) -> str:
    """Markdown that says what the model is, what it was made from, and what to expect of it.

    Args:
        manifest: Of the bundle.
        holdout: Scores of the rows kept back.
        why: Why it is this detector.
    """
    tags = "\n".join(
        f"- {tag} [{unit}]" if unit else f"- {tag}" for tag, unit in zip(manifest.tags, manifest.units, strict=True)
    )
    warnings = "\n".join(f"- {warning}" for warning in manifest.warnings) or "- none"
    feature_set = manifest.feature_set
    return f"""# {manifest.model}

Detector: {manifest.detector}, because {why}.
Score: higher = more anomalous; above {manifest.threshold:g} is an anomaly.

## Eats

Windows of {manifest.window_length_ns / 1e9:g} s every {manifest.window_every_ns / 1e9:g} s,
feature set {feature_set.name} version {feature_set.version} ({feature_set.hash}): {", ".join(manifest.features)}; of

{tags}

{_gaps(manifest)}

## Was made from

{manifest.rows} windows of normal operation, {_time(manifest.trained_from_ns)} to {_time(manifest.trained_to_ns)}.

## Can be expected

{_limit(manifest.calibration)}
Hold-out: {holdout.rows} later windows of normal operation; largest score {holdout.largest:.2f},
{holdout.above:.1%} above the threshold.

![Scores over training and hold-out, with the limit](scores.svg)

What these scores are made of (one tag far above the others is worth a look):

![Mean share of each tag in the scores of the hold-out](shares.svg)

What drift is measured against:

![Deciles of each tag in training, and where the hold-out lay](baseline.svg)

## Warnings

{warnings}
"""


def _gaps(manifest: Manifest) -> str:
    least = f"less than {manifest.min_coverage:.0%} of its expected good samples"
    if not manifest.state:
        return f"It abstains where a tag has {least}."
    begins = f"It gives no score to the first {manifest.warm_up} windows of an asset.\n" if manifest.warm_up else ""
    return f"{begins}It remembers the windows before. A tag with {least} counts as missing."


def _limit(calibration: Calibration) -> str:
    method = "budget kept" if calibration.method == "budget" else f"largest held-out score x {calibration.margin:.3g}"
    if calibration.blocks > 1:
        others = f"the other {calibration.blocks - 1} of {calibration.blocks} blocks"
        seen = f"each scored by a model fitted on\n{others}, with {calibration.embargo} windows of embargo"
    else:
        seen = "which the model must not have been trained on"
    return (
        f"Limit {calibration.limit:.6g} ({method}), from {calibration.rows} windows, {seen}.\n"
        f"False alarms: {calibration.covers} of recording can vouch for at most "
        f"{calibration.false_alarms_per_day_at_most:.3g} a day,\nas long as the plant stays as it was recorded."
    )


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
