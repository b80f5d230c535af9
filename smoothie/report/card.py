"""Cards of what is pushed to the Hub: README.md, with the lines that the Hub reads at its top."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smoothie import __version__
from smoothie.report.scores import PARTIAL
from smoothie.report.tables import is_partial, markdown, markdown_escaped, summary_rows

if TYPE_CHECKING:
    import pandas as pd

    from smoothie.routers.saved import SavedEstimator

PAPER = "https://arxiv.org/abs/2412.04692"
SHOWN = 50  # candidates in a table


def card_of_answers(
    result: Any, repository: str, metrics: pd.DataFrame | None, command: str | None
) -> str:
    """The card of routed answers.

    Parameters
    ----------
    result : RoutedTexts
    repository : str
    metrics : DataFrame or None
    command : str or None
    """
    shares = sorted(result.shares().items(), key=lambda pair: -pair[1])
    rows = [[name, f"{100 * share:.1f}%"] for name, share in shares[:SHOWN]]
    about = [
        f"{len(result.texts)} inputs, each with the answer that was chosen from "
        f"{len(result.problem.candidates)} candidates by `{result.method}`.",
        markdown(["Candidate", "Chosen"], rows).strip(),
        markdown_escaped(result.verdict()),
        "Columns: `id`, `input` (where inputs were given), `candidate`, `text`, and `confidence`, "
        "how much better the other answers support the chosen one than an average one, 0 to 1.",
    ]
    made = {"Method": result.method, "Encoder": result.encoder or "none"}
    front = {
        "tags": ["smoothie", "llm-routing"],
        "configs": [{"config_name": "default", "data_files": "routed.jsonl"}],
    }
    load = f'smoothie.load_from_hub("hf://datasets/{repository}@COMMIT")'
    return page(front, repository, about, made, metrics, command, load)


def card_of_router(
    router: SavedEstimator, repository: str, metrics: pd.DataFrame | None, command: str | None
) -> str:
    """The card of a fitted router; parameters as in `card_of_answers`."""
    names = router.candidates or ()
    about = [
        "A fitted router: it chooses one of "
        f"{router.weights_.shape[-1]} candidates for a new input, before any of them answers.",
        *(
            ["Candidates: " + ", ".join(markdown_escaped(name) for name in names) + "."]
            * bool(names)
        ),
    ]
    made = {
        "Router": type(router).__name__,
        "Settings": json.dumps(router.get_params(), default=str),
        "Encoder": "not recorded" if router.encoder is None else str(router.encoder),
    }
    front = {"library_name": "smoothie", "tags": ["smoothie", "llm-routing"]}
    load = f'smoothie.load_from_hub("hf://{repository}@COMMIT")'
    return page(front, repository, about, made, metrics, command, load)


def page(
    front: dict[str, Any],
    repository: str,
    about: list[str],
    made: dict[str, str],
    metrics: pd.DataFrame | None,
    command: str | None,
    load: str,
) -> str:
    """A card: what the Hub reads, what it is, its scores, how it was made, how it is loaded."""
    parts = [f"# {repository.split('/')[1]}", *about]
    if metrics is not None:
        parts += ["## Scores", markdown(*summary_rows(metrics, 1)).strip()]
        parts += [PARTIAL.strip()] * is_partial(metrics)
        parts += ["best_single and oracle know all labels: they are bounds, not methods."]
    made = {**made, "Version": f"smoothie {__version__}"}
    parts += [
        "## How it was made",
        markdown(["", ""], [list(pair) for pair in made.items()]).strip(),
    ]
    if command is not None:
        parts.append(indented(command))
    parts += [
        "## How it is loaded",
        indented(load),
        f"COMMIT is one of this repository's history. The paper: {PAPER}",
    ]
    # Each value as JSON, which is YAML, too.
    top = "".join(f"{name}: {json.dumps(value)}\n" for name, value in front.items())
    return f"---\n{top}---\n\n" + "\n\n".join(parts) + "\n"


def indented(code: str) -> str:
    """Lines that Markdown shows as they are."""
    return "\n".join(f"    {line}" for line in code.splitlines())
