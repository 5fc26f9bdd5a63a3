"""Autoencoder: a small network that can only repeat what it has seen; what it cannot repeat is anomalous."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from models.detectors.row_detector import RowDetector, row_by_row


class AutoencoderDetector(RowDetector):
    """Mean squared error of a tanh network p - p - p/4 - p - p that was trained to repeat the training rows.

    A replicator network (Hawkins et al., DaWaK 2002). Exact contributions: the error is a sum over columns. Parameters
    are those of `RowDetector`, and:

    Args:
        epochs: At most; it stops earlier where a tenth of the rows, held back, no longer gain.
        seed: Of the first weights and the order of rows.

    Attributes:
        weights_: Matrices float64[in, out], one per layer.
        biases_: float64[out] of each.
    """

    def __init__(
        self,
        *,
        epochs: int = 200,
        seed: int = 0,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.epochs = epochs
        self.seed = seed

    def _learn(self, z: NDArray[np.float64]) -> None:
        p = z.shape[1]
        network = MLPRegressor(
            hidden_layer_sizes=(p, max(1, p // 4), p),
            activation="tanh",
            max_iter=self.epochs,
            early_stopping=len(z) >= 100,  # a tenth of fewer says nothing
            n_iter_no_change=10,
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `epochs` is a budget and not a promise
            network.fit(z, z if p > 1 else z[:, 0])
        self.weights_: list[NDArray[np.float64]] = network.coefs_
        self.biases_: list[NDArray[np.float64]] = network.intercepts_

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        signal = z
        for at, (weights, bias) in enumerate(zip(self.weights_, self.biases_, strict=True)):
            signal = row_by_row(signal, weights) + bias
            if at < len(self.weights_) - 1:
                signal = np.tanh(signal)
        squares: NDArray[np.float64] = (signal - z) ** 2 / z.shape[1]
        return squares
