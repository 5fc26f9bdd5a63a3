"""Where a gateway keeps its models: bundles in folders that never change, and one small file that says what is what.

    models/<name>/<version>/    bundles
    models.json                 `Lives`; replaced whole, and only by whoever holds models.lock
    shadows/<name>@<version>    `Agreement` of a shadow, written by the flow

A command and a running gateway work on it side by side; the gateway looks at `models.json` once a second.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.bundle import BUNDLE_FILES, MANIFEST, MAX_BYTES, read_bundle
from models.errors import LifeRefused
from models.life.agreement import Agreement, decode_agreement
from models.life.record import Lives, decode_lives
from models.manifest import Manifest, is_name
from models.safe_files import read_file, replace_file, sync_folder, write_file
from models.signature import ANYBODY, TrustedKeys

_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The models of one gateway. Holds nothing between calls.

    Attributes:
        root: The gateway's data folder.
        keys: Who must have signed a bundle; none = it may be unsigned.
    """

    root: Path
    keys: TrustedKeys = ANYBODY

    @property
    def file(self) -> Path:
        """What says which version is what."""
        return self.root / "models.json"

    def folder(self, name: str, version: str) -> Path:
        """Of a version, whether it is there or not.

        Raises:
            LifeRefused: One of them is no name: it could lead elsewhere.
        """
        for what in (name, version):
            if not is_name(what):
                rule = "name and version are 1-64 letters, digits, '.', '_' or '-', first a letter or digit"
                raise LifeRefused(f"{name}@{version}", rule, "write NAME@VERSION as `sluicegate model list` shows it")
        return self.root / "models" / name / version

    def versions(self) -> dict[str, list[str]]:
        """Versions by name, as they lie on the disk, in order of their names."""
        root = self.root / "models"
        names = sorted(entry.name for entry in root.iterdir() if is_name(entry.name)) if root.is_dir() else []
        return {
            name: sorted(entry.name for entry in (root / name).iterdir() if is_name(entry.name))
            for name in names
            if (root / name).is_dir()
        }

    def add(self, bundle: Path) -> Manifest:
        """Copy a bundle into the store, whole and verified, or not at all.

        Raises:
            BundleRejected: It breaks a rule.
            LifeRefused: That version is there already.
        """
        manifest = read_bundle(bundle, self.keys).manifest
        target = self.folder(manifest.name, manifest.version)
        if target.exists():
            raise LifeRefused(manifest.model, "is in the store already, and a version never changes", "give another")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        except OSError as error:
            raise self._unwritable(target.parent, error) from error
        try:
            for name in BUNDLE_FILES:
                if (bundle / name).exists():
                    write_file(draft / name, (bundle / name).read_bytes())
            read_bundle(draft, self.keys)  # what was copied, not what was looked at
            draft.chmod(0o755)
            sync_folder(draft)
            draft.rename(target)
            sync_folder(target.parent)
        except OSError as error:
            raise self._unwritable(target, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return manifest

    def digest(self, name: str, version: str) -> str:
        """SHA-256 (hex) of the manifest of a version that is there; "" = it is not.

        Raises:
            BundleRejected: It cannot be read.
        """
        path = self.folder(name, version) / MANIFEST
        return hashlib.sha256(read_file(path, MAX_BYTES[MANIFEST])).hexdigest() if path.exists() else ""

    def remove(self, name: str, version: str) -> None:
        """Take a version out that nothing needs any more; what cannot be removed stays."""
        shutil.rmtree(self.folder(name, version), ignore_errors=True)

    def read(self) -> Lives:
        """What is what; nothing yet = empty.

        Raises:
            LifeRefused: The file is damaged or of newer software.
        """
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return Lives()
        except OSError as error:
            fix = "Let this user read it, or run this as the user of the gateway."
            raise LifeRefused(str(self.file), f"cannot be read ({error.strerror})", fix) from error
        try:
            return decode_lives(data[:_MOST_BYTES])
        except ValueError as error:
            fix = "move it away and promote the versions again; the bundles are not touched"
            raise LifeRefused(str(self.file), str(error), fix) from error

    def change(self, step: Callable[[Lives], Lives]) -> Lives:
        """Take a step, as the only one who does just now.

        Args:
            step: From what is to what will be; what it raises changes nothing.

        Raises:
            LifeRefused: See `read`; or the file cannot be written.
        """
        try:
            with self._locked():
                before = self.read()
                after = step(before)
                if after != before:
                    replace_file(self.file, after.encode())
                return after
        except OSError as error:
            raise self._unwritable(self.file, error) from error

    def agreement(self, name: str, version: str) -> Agreement | None:
        """What a shadow showed so far; None = nothing, or nothing that can be read."""
        try:
            return decode_agreement(self._shadow_file(name, version).read_bytes()[:_MOST_BYTES])
        except (OSError, ValueError):
            return None

    def keep_agreement(self, name: str, version: str, agreement: bytes) -> None:
        """Write it, encoded; not synced: after a power cut some of its counts may be gone.

        Raises:
            OSError: It cannot be written.
        """
        file = self._shadow_file(name, version)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name("." + file.name)
        draft.write_bytes(agreement)
        draft.replace(file)

    def forget_agreement(self, name: str, version: str) -> None:
        """A shadow that begins anew counts anew."""
        self._shadow_file(name, version).unlink(missing_ok=True)

    def _unwritable(self, path: Path, error: OSError) -> LifeRefused:
        fix = "let this user write there, or run this as the user of the gateway"
        return LifeRefused(str(path), f"cannot be written ({error.strerror})", fix)

    def _shadow_file(self, name: str, version: str) -> Path:
        self.folder(name, version)
        return self.root / "shadows" / f"{name}@{version}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Short: whoever holds it reads, decides and writes one small file."""
        self.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.root / "models.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
