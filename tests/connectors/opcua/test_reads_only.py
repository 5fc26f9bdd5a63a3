"""Nothing in this connector can change a device."""

from __future__ import annotations

import re
from pathlib import Path

import connectors.opcua

FOLDER = Path(connectors.opcua.__file__).parent
# Services that change something (OPC 10000-4: Write, HistoryUpdate, Call, node management), as asyncua names them.
CHANGES = re.compile(
    r"WriteRequest|WriteParameters|WriteValue|write_attribute|write_value|write_params|\.write\(|set_value|set_attribute"
    r"|CallRequest|CallMethod|call_method|HistoryUpdate|history_update|AddNodes|DeleteNodes|AddReferences"
    r"|DeleteReferences|add_nodes|delete_nodes|SetTriggering"
)
ALLOWED = {"certificates.py: file.write("}


def test_no_service_that_changes_something_is_named() -> None:
    found = {
        f"{path.relative_to(FOLDER)}: {match[0]}"
        for path in FOLDER.rglob("*.py")
        for match in re.finditer(rf"\w*(?:{CHANGES.pattern})", path.read_text(encoding="utf-8"))
    }
    assert found - ALLOWED == set()
    assert found == ALLOWED  # the pattern bites
