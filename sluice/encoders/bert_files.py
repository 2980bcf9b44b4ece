"""A BERT and its tokenizer from their files alone.

Loading them through transformers takes 2 CPU seconds in each new process, most of them for code
that a frozen encoder never runs: more than it takes to embed a hundred texts. Whatever is not an
ordinary BERT goes through transformers all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sluice.encoders.bert import PackedBert, is_supported
from sluice.encoders.folder import read_json

_NEEDED = {"num_attention_heads", "num_hidden_layers", "layer_norm_eps"}
_TOKENIZERS = {"BertTokenizer", "BertTokenizerFast"}


class WordPieces:
    """A BERT tokenizer, called as transformers' is.

    Parameters
    ----------
    folder : Path
        Holds ``tokenizer.json`` and ``tokenizer_config.json``.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        pad = read_json(folder / "tokenizer_config.json").get("pad_token", "[PAD]")
        self.pad_token_id: int | None = self._tokenizer.token_to_id(str(pad))

    def __call__(
        self, texts: Sequence[str], *, max_length: int, **options: object
    ) -> dict[str, list[list[int]]]:
        """Return ``input_ids``, special tokens included, cut to `max_length` and not padded."""
        self._tokenizer.enable_truncation(max_length)
        return {"input_ids": [found.ids for found in self._tokenizer.encode_batch_fast(texts)]}


def read_bert(folder: Path) -> tuple[WordPieces, PackedBert] | None:
    """Read tokenizer and model, or return None where it takes more than this to read them.

    Parameters
    ----------
    folder : Path
        A model folder in the layout of transformers.
    """
    config = SimpleNamespace(**read_json(folder / "config.json"))
    names = ("model.safetensors", "tokenizer.json", "tokenizer_config.json")
    if not all((folder / name).is_file() for name in names) or not is_supported(config):
        return None
    tokenizer = read_json(folder / "tokenizer_config.json").get("tokenizer_class")
    if tokenizer not in _TOKENIZERS or not vars(config).keys() >= _NEEDED:
        return None
    from safetensors.torch import load_file

    model = _tree(load_file(folder / "model.safetensors"), config.layer_norm_eps)
    try:
        layers = [getattr(model.encoder.layer, str(i)) for i in range(config.num_hidden_layers)]
        model.encoder.layer, model.config = layers, config
        return WordPieces(folder), PackedBert(model)
    except AttributeError:
        # Weights under other names.
        return None


def _tree(weights: dict[str, Any], epsilon: float) -> Any:
    """Arrange named weights as the modules that they are of, in float32."""
    root = SimpleNamespace()
    for name, tensor in weights.items():
        *path, last = name.removeprefix("bert.").split(".")
        module = root
        for part in path:
            if not hasattr(module, part):
                setattr(module, part, SimpleNamespace(eps=epsilon))
            module = getattr(module, part)
        setattr(module, last, tensor.float() if tensor.is_floating_point() else tensor)
    return root
