"""A search on disk: written whole or not at all, read only for the same search."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from sluice.core.drafts import draft
from sluice.core.errors import ConfigError
from sluice.subsets.contract import Pool
from sluice.subsets.search.hill_climb import State
from sluice.subsets.search.proposals import Luck


def key_of(pool: Pool, budget: int, seed: int, words: str, version: str) -> str:
    """Return a digest of everything that a search depends on but how long it goes on."""
    assert pool.embeddings is not None
    assert pool.labels is not None
    digest = sha256(json.dumps([budget, seed, words, version]).encode())
    digest.update("\n".join(pool.ids.tolist()).encode("utf-8", "surrogatepass"))
    digest.update(np.ascontiguousarray(pool.embeddings).tobytes())
    digest.update(np.ascontiguousarray(pool.labels).tobytes())
    return digest.hexdigest()


def read(path: Path, key: str) -> State | None:
    """Return where the same search stopped, or None.

    Raises
    ------
    ConfigError
        The file is not a checkpoint.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            said: dict[str, Any] = json.loads(str(stored["said"]))
            if said["key"] != key:
                return None
            return State(
                kept=stored["kept"],
                since=stored["since"],
                best=stored["best"],
                done=int(said["done"]),
                luck=Luck(stored["tried"], stored["lucky"]),
                values=[float(value) for value in said["values"]],
                start=str(said["start"]),
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ConfigError(
            f"checkpoint {path} is not a checkpoint of subset_search ({error}). Give another path "
            "or remove the file."
        ) from None


def write(path: Path, key: str, state: State) -> None:
    """Write where a search stands, in one step."""
    said = {"key": key, "done": state.done, "values": state.values, "start": state.start}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft(path) as hidden:
            with hidden.open("wb") as file:
                np.savez(
                    file,
                    said=np.array(json.dumps(said)),
                    kept=state.kept,
                    since=state.since,
                    best=state.best,
                    tried=state.luck.tried,
                    lucky=state.luck.kept,
                )
            hidden.replace(path)
    except OSError as error:
        raise ConfigError(
            f"The checkpoint {path} cannot be written: {error.strerror}. Give another path."
        ) from None
