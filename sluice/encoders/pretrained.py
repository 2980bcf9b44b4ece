"""Models and tokenizers from folders, without running a line of code that a folder brings."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from sluice.core.errors import ConfigError


def pretrained(auto: Any, folder: Path | str, **options: Any) -> Any:
    """Read what a folder holds by one of transformers' classes; never ask whether to trust it.

    A folder may name Python files of its own (`auto_map` in its JSON files). Where transformers
    knows the model by itself they are not needed, and are left alone; where it does not, the
    folder is refused.

    Parameters
    ----------
    auto : class
        For example `AutoModel` or `AutoTokenizer`.
    folder : Path or str
    **options
        For its `from_pretrained`.

    Raises
    ------
    ConfigError
        If the folder cannot be read without running its code.
    """
    try:
        return auto.from_pretrained(folder, trust_remote_code=False, **options)
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ConfigError(
            f"The model folder {str(folder)!r} asks to run Python code that it brings itself "
            "(auto_map in its config.json or tokenizer_config.json). Sluice never runs code of a "
            "model folder. Name a model of an architecture that transformers knows, or write it "
            "as one, with `save_pretrained` and without auto_map."
        ) from None
    except UnpicklingError:
        # Its text says how to run the code all the same.
        raise ConfigError(
            f"The weights in the model folder {str(folder)!r} are a pickle that holds more than "
            "tensors, or are damaged. Sluice never runs what a pickle holds. Store them as "
            "safetensors, with `save_pretrained`."
        ) from None
