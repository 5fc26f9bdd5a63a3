"""A model in scikit-learn's habits: fit, predict, and save as the bundle a gateway serves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.choose import fit_chosen
from models.detectors.catalogue import FOLLOW_ROWS
from models.errors import RowsRefused
from models.feature_rows import FeatureRows
from models.fitting import Options, Told, fit, scores_of, shares_of
from models.packing import Packed, pack

AUTO = "auto"


class AnomalyModel(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns what is normal, calibrates what is not, and can be saved as a bundle.

    Rows are `FeatureRows`, of a recording or a table; an array or a data frame float[n, tags] counts as a table of
    moments a second apart. The last part of them is kept back: nothing is fitted or calibrated on it.

    Args:
        detector: A name of `models.detectors.catalogue.KINDS`, or "auto": see `models.choose`.
        budget_per_day: False-alarm episodes of an asset and day that are acceptable.
        margin: Largest factor on the largest held-out score where the rows cannot carry the budget.
        holdout: Share of the rows kept back.
        follow_rows: Time constant with which the suite's centre follows a plant that drifts, in rows; None = it stays,
            as it must where a slow change is itself the fault.
        seed: Of what is drawn by chance.

    Attributes:
        fitted_: `models.fitting.Fitted`: the detector, its calibration, scores, warnings.
        why_: Why it is this detector.
        offset_: scikit-learn's: `score_samples` at the limit, always -1.
    """

    offset_ = -1.0

    def __init__(
        self,
        detector: str = AUTO,
        *,
        budget_per_day: float = 1.0,
        margin: float = 1.5,
        holdout: float = 0.2,
        follow_rows: float | None = FOLLOW_ROWS,
        seed: int = 0,
    ) -> None:
        self.detector = detector
        self.budget_per_day = budget_per_day
        self.margin = margin
        self.holdout = holdout
        self.follow_rows = follow_rows
        self.seed = seed

    def fit(self, X: ArrayLike | FeatureRows, y: object = None, *, told: Told | None = None) -> Self:  # noqa: ARG002, N803
        """Fit and calibrate on normal operation.

        Args:
            X: Rows in time order.
            y: Not used; scikit-learn's habit.
            told: Called with what is done next, in a few words.

        Raises:
            TrainingRefused: The rows cannot carry a model.
        """
        rows = (
            X
            if isinstance(X, FeatureRows)
            else FeatureRows.from_array(X, tags=tuple(map(str, getattr(X, "columns", ()))))
        )
        options = Options(self.budget_per_day, self.margin, self.holdout, self.follow_rows, self.seed)
        tell = told or (lambda _: None)
        # One thread: sums of several are added up in another order, and the same rows must give the same bytes on any
        # machine; and on a gateway that has other things to do, threads wait for each other longer than they work.
        with threadpool_limits(1):
            if self.detector == AUTO:
                self.fitted_, self.why_ = fit_chosen(rows, options, tell)
            else:
                self.fitted_, self.why_ = fit(self.detector, rows, options, tell), "it was asked for"
        self.n_features_in_ = math.prod(rows.values.shape[1:])
        self._like = rows[:0]
        return self

    def anomaly_score(self, X: ArrayLike | FeatureRows) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n]; higher = more anomalous, 1.0 = the limit, NaN = none. A row is of the asset it says.

        A detector that remembers takes the rows of each asset as one stream from its beginning, and begins again after
        a pause longer than its warm-up, as it does in a gateway.
        """
        return scores_of(self.fitted_.detector, self._rows(X))

    def contributions(self, X: ArrayLike | FeatureRows) -> NDArray[np.float64]:  # noqa: N803
        """Share of each tag in the score, float64[n, tags], rows sum to 1; NaN without a score."""
        return shares_of(self.fitted_.detector, self._rows(X))

    def score_samples(self, X: ArrayLike | FeatureRows) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: the negative of `anomaly_score`."""
        return -self.anomaly_score(X)

    def decision_function(self, X: ArrayLike | FeatureRows) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: negative for outliers, 0 at the limit; NaN without a score."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike | FeatureRows) -> NDArray[np.int64]:  # noqa: N803
        """scikit-learn's convention: 1 = normal, -1 = anomalous or without a score."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def save(self, out: Path | str, *, name: str = "", version: str = "1", counter: int | None = None) -> Packed:
        """Export, prove that the graph is the fitted model, write the bundle, load it again.

        Args:
            out: Folder of the bundle, to be made, with those above it.
            name: Of the model; "" = that of the folder.
            version: Of the model.
            counter: Grows with every version of the model of this name; None = the end of the rows, in seconds.

        Raises:
            TrainingRefused: The exported model is not the fitted one.
            BundleRejected: There is something at `out` already.
        """
        check_is_fitted(self)
        out = Path(out)
        return pack(self.fitted_, self.why_, out, name=name or out.name, version=version, counter=counter)

    def _rows(self, X: ArrayLike | FeatureRows) -> FeatureRows:  # noqa: N803
        check_is_fitted(self)
        like = self._like
        if isinstance(X, FeatureRows):
            rows = X
            if (rows.tags, rows.features) != (like.tags, like.features):
                raise RowsRefused("the model", rows.values.shape, (len(like.tags), len(like.features)))
        else:
            values = np.asarray(X, dtype=np.float64)
            if values.ndim != 2 or values.shape[1] != self.n_features_in_:
                raise RowsRefused("the model", values.shape, (len(like.tags), len(like.features)))
            rows = like.holding(values.reshape(len(values), len(like.tags), len(like.features)))
        return rows.level() if self.fitted_.kind.stateful else rows
