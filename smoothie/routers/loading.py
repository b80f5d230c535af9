"""Load fitted routers from files."""

from pathlib import Path

from smoothie.encoders.base import Encoder
from smoothie.errors import SmoothieError
from smoothie.routers.saved import read_saved
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.storage.shared import SCHEME, Address, fetch

SAVED: tuple[type[SmoothieGlobal] | type[SmoothieLocal], ...] = (SmoothieGlobal, SmoothieLocal)
ROUTER_FILE = "router.npz"  # in a repository of the Hub


def load_router(path: str | Path, encoder: Encoder | None = None) -> SmoothieGlobal | SmoothieLocal:
    """Read a fitted router from a file that `save` of either class wrote.

    Parameters
    ----------
    path : str or Path
        A file, or hf://user/name@COMMIT of the Hub (`smoothie.push_to_hub`).
    encoder : Encoder, optional
        The one that new inputs will be embedded by; another than that of the file is refused.

    Raises
    ------
    ValueError
        If the file is missing, broken or cut off, or holds something else, or the Hub does not
        have it; in one sentence.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from smoothie import SmoothieGlobal, load_router
    >>> model = SmoothieGlobal().fit(np.array([[[0.0], [0.1], [3.0]]]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(Path(folder) / "router.npz", ["small", "large", "old"])
    ...     router = load_router(Path(folder) / "router.npz")
    >>> router.candidates[router.predict()[0]]
    'large'
    """
    if isinstance(path, str) and path.startswith(SCHEME):
        address = Address.of(path)
        if address.kind != "model":
            raise SmoothieError(f"{path}: holds routed answers; a router is at hf://user/name")
        path = fetch(address, ROUTER_FILE)
    saved = read_saved(path)
    for kind in SAVED:
        if saved.kind == kind.__name__:
            return kind.restore(saved, encoder)
    known = ", ".join(kind.__name__ for kind in SAVED)
    raise SmoothieError(f"{saved.path}: holds a {saved.kind}; this version reads {known}")
