"""Shares as bars beside their names and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cloud_sink.evidence import FeatureShare
from edge_gateway.explain.markup import number, text
from edge_gateway.explain.words import feature_words

WIDTH, _HEIGHT = 160, 12


def feature_table(features: Sequence[FeatureShare]) -> str:
    """Rows of tag, feature and value, and of shares where there are some: a model may tell them by tag only."""
    has_shares = any(math.isfinite(one.share) for one in features)
    rows = "".join(
        f'<tr><th scope="row">{text(one.tag)}</th><td>{text(one.feature)}{_meaning(one.feature)}</td>'
        f'<td class="number">{f"{one.value:.4g}" if math.isfinite(one.value) else "-"}</td>'
        f"{_share(one.share) if has_shares else ''}</tr>"
        for one in features
    )
    head = '<th scope="col">Tag</th><th scope="col">Feature</th><th scope="col" class="number">Value</th>'
    shares = _SHARE_HEAD if has_shares else ""
    return f'<table class="shares"><thead><tr>{head}{shares}</tr></thead><tbody>{rows}</tbody></table>'


def tag_table(contributions: Sequence[tuple[str, float]], share_of: str = "Share of the score") -> str:
    """Rows of tag and share; "" where there are none."""
    if not contributions:
        return ""
    rows = "".join(f'<tr><th scope="row">{text(tag)}</th>{_share(share)}</tr>' for tag, share in contributions)
    head = f'<th scope="col">Tag</th><th scope="col" colspan="2">{text(share_of)}</th>'
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
