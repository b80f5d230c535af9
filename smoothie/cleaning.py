r"""Named rules for cleaning generations before they are embedded and scored.

- ``none``: texts as they are.
- ``paper``: the rule of the paper's released code. It removes ``<pad>``, ``<s>``, ``</s>`` and
  ``</eos>``, turns a literal backslash-n into a line break, strips white space and keeps the
  first line. The end token of Gemma is ``<eos>``, that of Pythia, Dolly and Phi
  ``<|endoftext|>``: the rule leaves both in the text, where they shift embeddings and cost ROUGE.
- ``corrected``: everything from the first end token on is cut off, leading begin and padding
  tokens are removed, and then the first line is kept as above.
- ``tokens``: as ``corrected``, but all lines are kept.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError

# Begin and padding tokens, then end tokens, of the tokenizers that cached generations come from.
BEGIN = re.compile(r"(?:<pad>|<s>|<bos>|\[PAD\]|<unk>|\s)+")
END = re.compile(
    r"</s>|</eos>|<eos>|<\|endoftext\|>|<\|im_end\|>|<\|eot_id\|>|<\|end_of_text\|>|<\|end\|>"
    r"|<end_of_turn>|<pad>|\[PAD\]"
)


def keep(text: str) -> str:
    """The text as it is."""
    return text


def clean_as_paper(text: str) -> str:
    """The rule of the released code (`utils.clean_generation`), including what it misses."""
    for token in ("<pad>", "<s>", "</s>", "</eos>"):
        text = text.replace(token, "")
    return text.replace("\\n", "\n").strip().split("\n")[0]


def without_tokens(text: str) -> str:
    """The whole answer, without the special tokens of any tokenizer."""
    leading = BEGIN.match(text)
    body = text[leading.end() :] if leading else text
    return END.split(body, maxsplit=1)[0].strip()


def clean_corrected(text: str) -> str:
    """First line of the answer, without the special tokens of any tokenizer."""
    return without_tokens(text).replace("\\n", "\n").strip().split("\n")[0].strip()


CLEANING: dict[str, Callable[[str], str]] = {
    "none": keep,
    "paper": clean_as_paper,
    "corrected": clean_corrected,
    "tokens": without_tokens,
}


def clean_texts(texts: NDArray[Any], rule: str) -> NDArray[np.object_]:
    """Apply a rule to an array of texts.

    Raises
    ------
    SmoothieError
        If there is no rule of that name.
    """
    if rule not in CLEANING:
        raise SmoothieError(f"cleaning={rule}: expected one of {', '.join(CLEANING)}")
    if rule == "none":
        return texts
    function = CLEANING[rule]
    cleaned = np.empty_like(texts, dtype=object)
    for position, text in np.ndenumerate(texts):
        cleaned[position] = function(text)
    return cleaned
