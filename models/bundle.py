"""The bundle: one folder that holds a model, what it says about itself, and the proof that it still works here.

    manifest.json   `models.manifest.Manifest`, with size and SHA-256 of the other files
    manifest.sig    signature over the bytes of manifest.json; optional (see `models.signature`)
    model.onnx      one graph: rows (and state) in, scores and contributions (and state) out
    golden.npz      rows and the scores they must get, arrays only
    baseline.npz    `models.baseline.Baseline`: what drift is measured against, arrays only
    card.md         the same for people
    *.svg           pictures of the card, if it has any; never opened by a gateway

A bundle is data from outside, so nothing in it is executed or even parsed by the engine before all of this holds; and
what was checked is what is used, for each file is read once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.arrays import decode_arrays, encode_arrays
from models.baseline import Baseline
from models.errors import BundleNotJudged, BundleRejected
from models.manifest import FileEntry, Manifest, decode_manifest
from models.onnx_rules import check_operators
from models.safe_files import FETCH, read_file, sync_folder
from models.signature import ANYBODY, TrustedKeys

MANIFEST, MODEL, GOLDEN, BASELINE, CARD = "manifest.json", "model.onnx", "golden.npz", "baseline.npz", "card.md"
PICTURES = ("scores.svg", "shares.svg", "baseline.svg")
SIGNATURE = "manifest.sig"
# All there can be; the signature and the pictures may be absent.
BUNDLE_FILES = (MANIFEST, SIGNATURE, MODEL, GOLDEN, BASELINE, CARD, *PICTURES)

# Far above what a model of a machine needs (a forest of 100 trees: 385 kB), far below what would hurt a gateway.
MAX_BYTES: Mapping[str, int] = {
    MANIFEST: 1 << 20,
    MODEL: 64 << 20,
    GOLDEN: 16 << 20,
    BASELINE: 16 << 20,
    CARD: 1 << 20,
    **dict.fromkeys(PICTURES, 1 << 20),
}
_MOST_SIGNATURE = 4096  # a signature of Ed25519 has 64; what is no signature is told as such
GOLDEN_SCORES = 16  # least finite ones of a stateful model: what warms up proves nothing

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RETRAIN = "train it again with this software"
_SIGN = "sign it with a trusted key (`sluicegate model sign`), or add its signer's to [models] trusted_keys"


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Rows and the scores that the reference gave them.

    Of a stateful model they are consecutive rows of one asset from its beginning.

    Attributes:
        rows: float64[n, tags, features]; NaN = missing, for a stateful model only.
        score: float64[n]; NaN = none, for a stateful model only.
    """

    rows: NDArray[np.float64]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle in memory, checked as far as it can be without running it.

    Attributes:
        manifest: See there.
        model: Serialised graph.
        golden: See there.
        baseline: See there.
        card: Markdown.
        pictures: SVG by name, which is one of `PICTURES`.
    """

    manifest: Manifest
    model: bytes
    golden: Golden
    baseline: Baseline
    card: str
    pictures: Mapping[str, str] = field(default_factory=dict)


def write_bundle(out: Path, bundle: Bundle) -> Manifest:
    """Write a bundle so that it is there whole or not at all, also after a power cut.

    The same bundle gives the same bytes.

    Args:
        out: Folder to be made; its parent exists.
        bundle: Its manifest's `files` are filled in here.

    Returns:
        The manifest as written.

    Raises:
        BundleRejected: There is something at `out` already; a bundle never changes.
    """
    if out.exists():
        raise BundleRejected(out, "a bundle is never overwritten", "give another folder, or remove this one")
    golden, baseline = bundle.golden, bundle.baseline
    contents = {
        MODEL: bundle.model,
        GOLDEN: encode_arrays(golden, ("rows", "score")),
        BASELINE: encode_arrays(baseline, ("edges", "shares", "score_edges", "score_shares")),
        CARD: bundle.card.encode(),
        **{name: picture.encode() for name, picture in bundle.pictures.items()},
    }
    files = tuple(FileEntry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items())
    manifest = replace(bundle.manifest, files=files)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        for name, data in (*contents.items(), (MANIFEST, manifest.encode())):
            with (draft / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        draft.chmod(0o755)  # of a temporary folder it is 0700, and the gateway may be another user
        sync_folder(draft)
        draft.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # gone already when all went well
    return manifest


def read_manifest(path: Path, keys: TrustedKeys = ANYBODY) -> Manifest:
    """The manifest of the bundle in folder `path`, and nothing else of it but its signature.

    Args:
        path: Folder of the bundle.
        keys: One of them must have signed it; none = it may be unsigned, and a signature is not judged.

    Raises:
        BundleRejected: It is missing, too large, not signed by whom it must be, of another schema, or not a manifest.
    """
    data = read_file(path / MANIFEST, MAX_BYTES[MANIFEST])
    if keys:
        _check_signature(path, data, keys)
    try:
        return decode_manifest(data)
    except ValueError as error:
        raise BundleRejected(path / MANIFEST, str(error), _RETRAIN) from error


def read_bundle(path: Path, keys: TrustedKeys = ANYBODY) -> Bundle:
    """Read and check a whole bundle: signature, names, sizes, hashes, operators, golden vectors' shapes.

    Not checked here, for it takes the engine: that the model gives the golden scores (`OnnxScorer` does).

    Args:
        path: Folder of the bundle.
        keys: See `read_manifest`.

    Raises:
        BundleRejected: With the rule it breaks.
    """
    manifest = read_manifest(path, keys)
    _check_names(path, manifest)
    contents = {entry.name: _read_entry(path / entry.name, entry) for entry in manifest.files}
    check_operators(path / MODEL, contents[MODEL])
    golden = _decode_golden(path / GOLDEN, contents[GOLDEN], manifest)
    baseline = _decode_baseline(path / BASELINE, contents[BASELINE], manifest)
    texts = {name: contents[name].decode(errors="replace") for name in (CARD, *PICTURES) if name in contents}
    return Bundle(manifest, contents[MODEL], golden, baseline, texts.pop(CARD), texts)


def verify_bundle(path: Path, keys: TrustedKeys = ANYBODY) -> Manifest:
    """Check a bundle without loading it into the engine; see `read_bundle`."""
    return read_bundle(path, keys).manifest


def sign_bundle(path: Path, sign: Callable[[bytes], bytes]) -> Manifest:
    """Write `manifest.sig`, over a bundle that is whole; a signature that is there already is replaced.

    Args:
        path: Folder of the bundle.
        sign: Of a private key: from a message to its signature.

    Raises:
        BundleRejected: The bundle is not whole: nobody should vouch for it.
    """
    bundle = read_bundle(path)
    signature = sign(read_file(path / MANIFEST, MAX_BYTES[MANIFEST]))
    draft = path.with_name(f".{path.name}.{SIGNATURE}")  # beside the folder: a stranger in it is refused
    with draft.open("wb") as file:
        file.write(signature)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path / SIGNATURE)
    sync_folder(path)
    return bundle.manifest


def _check_signature(path: Path, manifest: bytes, keys: TrustedKeys) -> None:
    if not (path / SIGNATURE).exists():
        raise BundleNotJudged(path, "it is not signed, and [models] trusted_keys asks for it", _SIGN)
    signature = read_file(path / SIGNATURE, _MOST_SIGNATURE)
    if not keys.vouch(manifest, signature):
        raise BundleNotJudged(path / SIGNATURE, "none of [models] trusted_keys signed this manifest", _SIGN)


def _check_names(path: Path, manifest: Manifest) -> None:
    names = [entry.name for entry in manifest.files]
    for name in names:
        if not _PLAIN_NAME.fullmatch(name):
            raise BundleRejected(path, f"file name {name!r} is not a plain name in this folder", FETCH)
    wanted = {MODEL, GOLDEN, BASELINE, CARD}
    if not wanted <= set(names) <= wanted | set(PICTURES) or len(names) != len(set(names)):
        raise BundleRejected(path, f"the manifest lists {sorted(names)}, it must list {sorted(wanted)}", _RETRAIN)
    strangers = sorted({entry.name for entry in path.iterdir()} - set(names) - {MANIFEST, SIGNATURE})
    if strangers:
        raise BundleRejected(path, f"files the manifest does not list: {strangers[:5]}", "remove them")


def _read_entry(path: Path, entry: FileEntry) -> bytes:
    data = read_file(path, MAX_BYTES[entry.name])
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise BundleRejected(path, "its size or SHA-256 is not what the manifest says: damaged or changed", FETCH)
    return data


def _decode_golden(path: Path, data: bytes, manifest: Manifest) -> Golden:
    rows, score = _arrays(path, data, ("rows", "score"))
    shape = (len(manifest.tags), len(manifest.features))
    if (
        rows.dtype != np.float64
        or rows.shape[1:] != shape
        or score.dtype != np.float64
        or score.shape != rows.shape[:1]
    ):
        rule = f"rows must be float64[n, {shape[0]}, {shape[1]}] and score float64[n]"
        raise BundleRejected(path, f"{rule}, they are {rows.dtype}{rows.shape}, {score.dtype}{score.shape}", _RETRAIN)
    if manifest.state:
        scored = int(np.isfinite(score).sum())
        if scored < GOLDEN_SCORES or np.isinf(rows).any() or np.isinf(score).any():
            rule = f"a stateful model's golden rows need {GOLDEN_SCORES} scores and no infinity, they have {scored}"
            raise BundleRejected(path, rule, _RETRAIN)
    elif not len(rows) or not np.isfinite(rows).all() or not np.isfinite(score).all():
        raise BundleRejected(path, "golden rows and scores must be finite, and at least one", _RETRAIN)
    return Golden(rows, score)


def _decode_baseline(path: Path, data: bytes, manifest: Manifest) -> Baseline:
    baseline = Baseline(*_arrays(path, data, ("edges", "shares", "score_edges", "score_shares")))
    if misfit := baseline.misfit(len(manifest.tags), len(manifest.features)):
        raise BundleRejected(path, misfit, _RETRAIN)
    return baseline


def _arrays(path: Path, data: bytes, names: Sequence[str]) -> list[NDArray[Any]]:
    try:
        return decode_arrays(data, names, MAX_BYTES[path.name])
    except ValueError as error:
        raise BundleRejected(path, str(error), FETCH) from error
