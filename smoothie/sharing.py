"""Routed answers and fitted routers on the Hugging Face Hub: push, and load at a commit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie import __version__
from smoothie.errors import SmoothieError
from smoothie.front import RoutedTexts
from smoothie.optional import require
from smoothie.report.card import card_of_answers, card_of_router
from smoothie.report.write_back import write_table
from smoothie.routers.loading import ROUTER_FILE, load_router
from smoothie.routers.saved import SavedEstimator
from smoothie.storage.files import read_jsonl, sha256, write_json, write_text
from smoothie.storage.lock import of_the_hub
from smoothie.storage.shared import FORMAT, MANIFEST, Address, fetch

if TYPE_CHECKING:
    import pandas as pd

ANSWERS_FILE = "routed.jsonl"


def push_to_hub(
    thing: RoutedTexts | SavedEstimator | str | Path,
    repository: str,
    *,
    metrics: pd.DataFrame | None = None,
    command: str | None = None,
    public: bool = False,
) -> str:
    """Push routed answers, or a fitted router, to a repository of the Hub; needs a login.

    Parameters
    ----------
    thing : RoutedTexts, fitted router, or path of a saved one
        Routed answers become a dataset, a router a model repository. A router's card names its
        candidates and its encoder if it was saved with them (`RoutedTexts.save_router`).
    repository : str
        user/name; it is created if it does not exist, and its earlier commits stay.
    metrics : DataFrame, optional
        What `smoothie.evaluate` found, for the card.
    command : str, optional
        How the answers or the router were made, for the card.
    public : bool
        Whether a repository that is created may be read by everybody.

    Returns
    -------
    str
        The address for `load_from_hub`, with the commit.

    Raises
    ------
    SmoothieError
        If nobody is logged in, the Hub does not answer or refuses, or the router is not fitted.

    Examples
    --------
    >>> import smoothie
    >>> result = smoothie.route({"a": ["4"], "b": ["It is 4."], "c": ["3"]}, encoder=None)
    >>> smoothie.push_to_hub(result, "user/routed")  # doctest: +SKIP
    'hf://datasets/user/routed@5be1f6a3d4dd3d6a5a1d9cd4e2b93b5a9d1f2d0c'
    """
    kind = "dataset" if isinstance(thing, RoutedTexts) else "model"
    address = Address.of(repository)
    if address.revision is not None or address.repository != repository:
        raise SmoothieError(f"{repository}: expected user/name, which is pushed to as a {kind}")
    require("huggingface_hub", "pushing to the Hub")
    with tempfile.TemporaryDirectory(prefix="smoothie-") as place:
        folder = Path(place)
        if isinstance(thing, RoutedTexts):
            write_table(thing.to_frame(), folder / ANSWERS_FILE)
            card = card_of_answers(thing, repository, metrics, command)
        else:
            router = thing if isinstance(thing, SavedEstimator) else load_router(thing)
            router.save(folder / ROUTER_FILE)
            card = card_of_router(router, repository, metrics, command)
        files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        write_json(folder / MANIFEST, {"format": FORMAT, "smoothie": __version__, "files": files})
        write_text(folder / "README.md", card)
        return str(Address(kind, repository, upload(folder, kind, repository, public)))


def upload(folder: Path, kind: str, repository: str, public: bool) -> str:
    """Push the files of a folder in one commit, which is returned."""
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise SmoothieError(
            f"{repository}: pushing needs a token of the Hub: hf auth login, or set HF_TOKEN"
        )
    api = HfApi()
    with of_the_hub(f"{kind} {repository}", "cannot be pushed"):
        api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            repo_type=kind,
            commit_message=f"Pushed by smoothie {__version__}",
        )
    return str(done.oid)


def load_from_hub(address: str) -> Any:
    """Load what `push_to_hub` pushed.

    Parameters
    ----------
    address : str
        hf://user/name for a router, hf://datasets/user/name for routed answers; @COMMIT at its end
        names one state. Without, the commit of the first download is taken every time, and logged.

    Returns
    -------
    SmoothieGlobal, SmoothieLocal or DataFrame
        A fitted router as `load_router` returns it; routed answers as `RoutedTexts.to_frame` does.

    Raises
    ------
    SmoothieError
        If the Hub does not answer or has no such repository, or what it holds is damaged or
        something else.

    Examples
    --------
    >>> import smoothie
    >>> smoothie.load_from_hub("hf://datasets/user/routed@main")  # doctest: +SKIP
    """
    where = Address.of(address)
    if where.kind == "model":
        return load_router(str(where))
    import pandas as pd

    path = fetch(where, ANSWERS_FILE)
    return pd.DataFrame([row for _, row in read_jsonl(path)])
