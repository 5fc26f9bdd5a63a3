"""Makes the TensorFlow Lite export beside it: `python make_tflite.py` where tensorflow and tf2onnx are installed.

Kept as a file for the same reason as those of `make_pytorch.py`: the same kind of autoencoder, on the same kind of
rows, from Keras to TensorFlow Lite, and from there to ONNX by tf2onnx (`--tflite`), which the ONNX project keeps.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent


def main() -> None:
    """Train and convert, twice."""
    tf.keras.utils.set_random_seed(0)
    rng = np.random.default_rng(11)
    load = rng.normal(size=(2000, 1, 1))
    rows = 50.0 + 3.0 * load + rng.normal(size=(2000, 2, 1)) + 0.3 * rng.normal(size=(2000, 2, 3))
    data = rows.reshape(len(rows), -1).astype(np.float32)
    centre, spread = data.mean(0), data.std(0)
    layers = tf.keras.layers
    given = tf.keras.Input((6,))
    flowing = layers.Normalization(mean=centre, variance=spread**2)(given)
    for width, activation in ((4, "tanh"), (2, None), (4, "relu"), (6, None)):
        flowing = layers.Dense(width, activation)(flowing)
    made = layers.Rescaling(scale=spread.tolist(), offset=centre.tolist())(flowing)
    model = tf.keras.Model(given, made)
    model.compile(tf.keras.optimizers.Adam(0.01), loss=lambda a, b: tf.reduce_mean(((a - b) / spread) ** 2))
    model.fit(data, data, epochs=40, batch_size=64, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder) / "model.tflite"
        lite.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
        out = HERE / "tensorflow_lite.onnx"
        command = [sys.executable, "-m", "tf2onnx.convert", "--tflite", lite.name, "--output", out, "--opset", "17"]
        subprocess.run(command, check=True, cwd=folder)  # it writes down the path it was given
    print(tf.__version__, model.evaluate(data, data, verbose=0))


if __name__ == "__main__":
    main()
