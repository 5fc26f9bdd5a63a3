"""Makes the PyTorch exports beside it: `python make_pytorch.py` where torch, onnx and onnxscript are installed.

They are kept as files, so that the tests read what PyTorch really writes without a gigabyte of it on every machine.
Two small autoencoders of rows of 2 tags x 3 features, standardised in the graph, trained on the rows of
`tests/models/conftest.py`; one by the exporter that is PyTorch's own now, one by the older one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

HERE = Path(__file__).parent


class Autoencoder(nn.Module):
    """Rows to rows, through one number."""

    def __init__(self, rows: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("centre", rows.mean(0))
        self.register_buffer("spread", rows.std(0))
        self.encoder = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
        self.decoder = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 6))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """float32[n, 6] to float32[n, 6]."""
        scaled = (rows - self.centre) / self.spread
        return self.decoder(self.encoder(scaled)) * self.spread + self.centre


def main() -> None:
    """Train and export."""
    torch.manual_seed(0)
    rng = np.random.default_rng(11)
    load = rng.normal(size=(2000, 1, 1))
    rows = 50.0 + 3.0 * load + rng.normal(size=(2000, 2, 1)) + 0.3 * rng.normal(size=(2000, 2, 3))
    data = torch.from_numpy(rows.reshape(len(rows), -1).astype(np.float32))
    model = Autoencoder(data)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(1500):
        optimiser.zero_grad()
        loss = (((model(data) - data) / model.spread) ** 2).mean()
        loss.backward()
        optimiser.step()
    model.eval()
    batch = torch.export.Dim("n")
    torch.onnx.export(
        model,
        (data[:3],),
        HERE / "pytorch_dynamo.onnx",
        input_names=["input"],
        output_names=["output"],
        dynamic_shapes=({0: batch},),
        external_data=False,
        dynamo=True,
    )
    torch.onnx.export(
        model,
        (data[:3],),
        str(HERE / "pytorch_torchscript.onnx"),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    for file in HERE.glob("*.onnx"):
        forget_where(file)
    print(torch.__version__, float(loss.detach()))


def forget_where(file: Path) -> None:
    """Leave out the stack traces that PyTorch writes at every node: they name the folders of this machine."""
    exported = onnx.load(file)
    for node in exported.graph.node:
        for entry in node.metadata_props:
            if entry.key == "pkg.torch.onnx.stack_trace":
                entry.value = "File ..."
    onnx.save(exported, file)


if __name__ == "__main__":
    main()
