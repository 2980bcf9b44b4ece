import copy

import pytest
import torch

from sluice.language.packed_linear import packed_linears


@pytest.mark.parametrize("name", ["tiny", "gpt2"])
def test_packed_layers_give_the_same_numbers_and_are_taken_back(name, request):
    model = request.getfixturevalue(name).model
    ids = torch.arange(40).view(2, 20)
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
        with packed_linears(model):
            packed = [m for m in model.modules() if "forward" in vars(m)]
            found = model(input_ids=ids).logits
        again = model(input_ids=ids).logits
    assert len(packed) == {"tiny": 2 * 7 + 1, "gpt2": 2 * 4 + 1}[name]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(again, expected)


def test_they_are_taken_back_after_an_error(tiny):
    with pytest.raises(RuntimeError, match="stop"), packed_linears(tiny.model):
        raise RuntimeError("stop")
    assert not any("forward" in vars(module) for module in tiny.model.modules())


def test_other_dtypes_are_left_alone(tiny):
    model = copy.deepcopy(tiny.model).to(torch.bfloat16)
    with packed_linears(model):
        assert not any("forward" in vars(module) for module in model.modules())
