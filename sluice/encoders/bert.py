"""BERT's forward pass on a CPU, the same numbers as transformers' with less traffic.

Devlin et al. 2019 (arXiv:1810.04805); post-norm encoder, exact GELU, float32 throughout. What is
ours is only how it is computed: query, key and value in one product; weights reordered once into
oneDNN's blocked layout; bias, GELU and residual fused into the products; the attention mask left
out of batches whose texts are equally long. Vectors agree with transformers' to about 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_TYPICAL_TOKENS = 1024


def is_supported(config: Any) -> bool:
    """Whether `PackedBert` computes exactly what this transformers configuration asks for."""
    return (
        getattr(config, "model_type", None) == "bert"
        and getattr(config, "hidden_act", None) == "gelu"
        and getattr(config, "position_embedding_type", None) in (None, "absolute")
        and not getattr(config, "is_decoder", False)
    )


class Linear:
    """``x W^T + b`` with the weights in oneDNN's layout where this build of torch has it.

    Parameters
    ----------
    weight : Tensor of float32, shape (out, in)
    bias : Tensor of float32, shape (out,)
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = weight.detach().contiguous()
        self.bias = bias.detach()
        self.packed = _pack(self.weight, self.bias)

    def plain(self, x: Tensor) -> Tensor:
        """``x W^T + b``."""
        import torch

        if self.packed is None:
            return torch.nn.functional.linear(x, self.weight, self.bias)
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")

    def gelu(self, x: Tensor) -> Tensor:
        """``gelu(x W^T + b)``, by the error function and not its tanh approximation."""
        import torch

        if self.packed is None:
            return torch.nn.functional.gelu(self.plain(x))
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "gelu", [], "none")

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """``x W^T + b + residual``."""
        import torch

        if self.packed is None:
            return self.plain(x).add_(residual)
        return torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.packed, self.bias, "add")


def _pack(weight: Tensor, bias: Tensor) -> Tensor | None:
    import torch

    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, _TYPICAL_TOKENS)
        # These operators are torch's own but not documented: one that has gone, or that answers
        # otherwise, must cost speed and not correctness.
        probe = torch.eye(2, weight.shape[1])
        given = torch.ops.mkldnn._linear_pointwise(probe, packed, bias, "none", [], "")
    except (AttributeError, RuntimeError):
        return None
    expected = torch.nn.functional.linear(probe, weight, bias)
    return packed if torch.allclose(given, expected, atol=1e-5) else None


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: Any) -> _Norm:
        return cls(module.weight.detach(), module.bias.detach(), float(module.eps))

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        return torch.nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.epsilon)


@dataclass(frozen=True)
class _Layer:
    qkv: Linear
    attended: Linear
    attended_norm: _Norm
    inner: Linear
    outer: Linear
    outer_norm: _Norm

    @classmethod
    def of(cls, module: Any) -> _Layer:
        import torch

        heads, attended = module.attention.self, module.attention.output
        parts = (heads.query, heads.key, heads.value)
        return cls(
            Linear(torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])),
            Linear(attended.dense.weight, attended.dense.bias),
            _Norm.of(attended.LayerNorm),
            Linear(module.intermediate.dense.weight, module.intermediate.dense.bias),
            Linear(module.output.dense.weight, module.output.dense.bias),
            _Norm.of(module.output.LayerNorm),
        )


class PackedBert:
    """A frozen BERT on the CPU.

    Parameters
    ----------
    model : transformers.BertModel
        In float32 on the CPU, of a configuration that `is_supported`. Its embeddings are shared,
        its layers copied: it may be dropped afterwards.
    """

    def __init__(self, model: Any) -> None:
        embeddings = model.embeddings
        self.words: Tensor = embeddings.word_embeddings.weight.detach()
        # Every token is of type 0, so its vector is part of the position's.
        self.positions: Tensor = (
            embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0]
        ).detach()
        self.norm = _Norm.of(embeddings.LayerNorm)
        self.heads = int(model.config.num_attention_heads)
        self.layers = [_Layer.of(layer) for layer in model.encoder.layer]

    def __call__(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Last hidden states.

        Parameters
        ----------
        ids : Tensor of int64, shape (b, l)
            Padded on the right.
        lengths : Tensor of int64, shape (b,)
            Tokens of each row, special tokens included; at least 1.

        Returns
        -------
        Tensor of float32, shape (b, l, d)
            Meaningless beyond a row's length.
        """
        import torch

        rows, longest = ids.shape
        hidden = torch.nn.functional.embedding(ids, self.words).add_(self.positions[:longest])
        hidden = self.norm(hidden).view(rows * longest, -1)
        mask = None
        if int(lengths.min()) < longest:
            beyond = torch.arange(longest)[None] >= lengths[:, None]
            mask = torch.zeros(rows, 1, 1, longest).masked_fill_(beyond[:, None, None], -torch.inf)
        for layer in self.layers:
            attended = self._attend(layer.qkv.plain(hidden), rows, longest, mask)
            hidden = layer.attended_norm(layer.attended.plus(attended, hidden))
            hidden = layer.outer_norm(layer.outer.plus(layer.inner.gelu(hidden), hidden))
        return hidden.view(rows, longest, -1)

    def _attend(self, qkv: Tensor, rows: int, longest: int, mask: Tensor | None) -> Tensor:
        import torch

        size = qkv.shape[1] // 3 // self.heads
        parts = qkv.view(rows, longest, 3, self.heads, size)
        query, key, value = (parts[:, :, i].transpose(1, 2) for i in range(3))
        attended = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask
        )
        return attended.transpose(1, 2).reshape(rows * longest, -1)
