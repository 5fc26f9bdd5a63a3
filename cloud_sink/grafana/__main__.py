"""Write the dashboards: `python -m cloud_sink.grafana`."""

from __future__ import annotations

from pathlib import Path

from cloud_sink.grafana.files import FOLDER, dashboards


def main(folder: Path = FOLDER) -> None:
    """Write each file."""
    for name, text in dashboards().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
