"""Emulate a processor with products in bfloat16 on one without them, at usable speed.

Such a processor rounds both factors to bfloat16, adds the products up in float32 and rounds the
sums; so a model in float32 whose layers round their inputs and outputs gives the same vectors, up
to the order of additions. `torch.autocast` gives them on any processor, but several times as slowly
where there are no instructions for it; the rounded model is checked against it.
"""

from typing import Any

import numpy as np

from smoothie.encoders.fast import encode_by_tokens

ACTIVATIONS = ("GELUActivation", "GELU", "Tanh", "ReLU")  # they map the sums of a layer


def rounded(tensor: Any) -> Any:
    """The nearest numbers of bfloat16, as float32."""
    import torch

    return tensor.to(torch.bfloat16).to(torch.float32)


def round_products(model: Any) -> Any:
    """Make a model round to bfloat16 where `torch.autocast` does; modifies the model.

    Parameters
    ----------
    model : SentenceTransformer
        With weights in float32, whose dense layers are `torch.nn.Linear`.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            for parameter in module.parameters():
                parameter.data = rounded(parameter.data)
            module.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0]),))
        if isinstance(module, torch.nn.Linear) or type(module).__name__ in ACTIVATIONS:
            module.register_forward_hook(lambda *call: rounded(call[2]))
    return model


def require_as_autocast(model: Any, exact: Any, texts: list[str]) -> None:
    """Assert that a rounded model moves vectors as far as `torch.autocast` moves the exact one's.

    The two differ from one another as well, since sums in another order round to other numbers
    now and then; so would two processors.
    """
    true = encode_by_tokens(exact, texts, "float32")
    ours = encode_by_tokens(model, texts, "float32") - true
    theirs = encode_by_tokens(exact, texts, "bfloat16") - true
    moved, expected = (float(np.linalg.norm(part, axis=1).mean()) for part in (ours, theirs))
    assert abs(moved / expected - 1) < 0.2, f"vectors move by {moved:.1e}, expected {expected:.1e}"
