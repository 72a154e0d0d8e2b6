"""Write the dashboards: `python -m ops.grafana`."""

from __future__ import annotations

from ops.grafana.documents import FOLDER, documents

for name, text in documents().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
