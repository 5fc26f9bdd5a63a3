from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors.errors import CertificateNotTrusted
from connectors.opcua.trust import check_folder, thumbprint
from connectors.opcua.trust_list import accept, entries, trust_shown

NOW = dt.datetime.now(dt.UTC)


def test_what_was_refused_is_listed_and_can_be_accepted(tmp_path: Path, pki: SimpleNamespace) -> None:
    shown = pki.server[0].read_bytes()
    assert entries(tmp_path) == []
    with pytest.raises(CertificateNotTrusted):
        check_folder(shown, tmp_path, "opc.tcp://x:1", "x", NOW)
    (entry,) = entries(tmp_path)
    assert (entry.is_trusted, entry.thumbprint) == (False, thumbprint(shown))
    accept(entry, tmp_path)
    (entry,) = entries(tmp_path)
    assert entry.is_trusted
    check_folder(shown, tmp_path, "opc.tcp://x:1", "x", NOW)


def test_one_that_is_shown_can_be_trusted_at_once(tmp_path: Path, pki: SimpleNamespace) -> None:
    shown = pki.server[0].read_bytes()
    entry = trust_shown(shown, tmp_path / "new")
    assert entries(tmp_path / "new") == [entry]
    check_folder(shown, tmp_path / "new", "opc.tcp://x:1", "x", NOW)


def test_a_file_without_a_certificate_is_listed_as_such(tmp_path: Path) -> None:
    (tmp_path / "broken.der").write_bytes(b"no certificate")
    (tmp_path / "notes.txt").write_text("not looked at")
    (entry,) = entries(tmp_path)
    assert (entry.certificate, entry.thumbprint) == (None, "")
