"""Shares as bars beside their names and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cloud_sink.evidence import FeatureShare
from edge_gateway.explain.markup import number, text
from edge_gateway.explain.words import feature_words

WIDTH, _HEIGHT = 160, 12


def feature_table(features: Sequence[FeatureShare]) -> str:
    """Rows of tag, feature, value and share."""
    rows = "".join(
        f'<tr><th scope="row">{text(one.tag)}</th><td>{text(one.feature)}{_meaning(one.feature)}</td>'
        f'<td class="number">{f"{one.value:.4g}" if math.isfinite(one.value) else "-"}</td>{_share(one.share)}</tr>'
        for one in features
    )
    head = '<th scope="col">Tag</th><th scope="col">Feature</th><th scope="col" class="number">Value</th>'
    return f'<table class="shares"><thead><tr>{head}{_SHARE_HEAD}</tr></thead><tbody>{rows}</tbody></table>'


def tag_table(contributions: Sequence[tuple[str, float]]) -> str:
    """Rows of tag and share."""
    rows = "".join(f'<tr><th scope="row">{text(tag)}</th>{_share(share)}</tr>' for tag, share in contributions)
    head = f'<th scope="col">Tag</th>{_SHARE_HEAD}'
    return f'<table class="shares"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


_SHARE_HEAD = '<th scope="col" colspan="2">Share of the score</th>'


def _meaning(feature: str) -> str:
    words = feature_words(feature)
    return f' <span class="meaning">{text(words)}</span>' if words else ""


def _share(share: float) -> str:
    if not math.isfinite(share):
        return '<td class="number">-</td><td></td>'
    long = min(max(share, 0.0), 1.0) * WIDTH
    bar = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bar" viewBox="0 0 {WIDTH} {_HEIGHT}" width="{WIDTH}" '
        f'height="{_HEIGHT}" aria-hidden="true"><rect class="rail" width="{WIDTH}" height="{_HEIGHT}"/>'
        f'<rect class="share" width="{number(long)}" height="{_HEIGHT}"/></svg>'
    )
    return f'<td class="number">{share:.0%}</td><td>{bar}</td>'
