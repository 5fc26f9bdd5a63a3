"""Accuracy on public recordings, with the defaults of the product; `accuracy/` says what was tuned on what.

Needs the recordings: in the folder that SLUICEGATE_DATA names, or in shared/data beside the checkout; they are not part
of this project. Seeds are fixed, nothing looks ahead, and beside every figure stands what knows nothing.
"""

from __future__ import annotations

from typing import Any

from accuracy import changes, nab, skab, tennessee
from accuracy.data import folder
from threadpoolctl import threadpool_limits

PARTS = (("skab", skab), ("skab", changes), ("tep", tennessee), ("nab", nab))


def run() -> list[dict[str, Any]]:
    data = folder()
    results: list[dict[str, Any]] = []
    with threadpool_limits(1):  # small matrices; threads only wait for each other
        for name, part in PARTS:
            if (data / name).is_dir():
                results += part.run(data)
            else:
                reason = f"no recordings in {name} of SLUICEGATE_DATA or shared/data beside the checkout"
                results.append({"name": f"accuracy: {name} skipped", "unit": reason, "met": None})
    return results
