"""Save and load fitted routers: files are written whole, and read without pickle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.fields import require_names
from smoothie.routers.estimators import SmoothieEstimator
from smoothie.storage.arrays import read_npz, write_npz
from smoothie.storage.files import NOT_JSON, parse_json, user_path

FORMAT = 1  # of the files; to be increased when older versions cannot read them
HEADER = ("format", "kind", "parameters")
CLOSE = 1e-6  # of a sum of weights to one


class Stored(NamedTuple):
    """How a fitted array is stored.

    Attributes
    ----------
    kind : str
        Kind of its dtype, as NumPy names it.
    shapes : tuple of str
        The shapes that it may have; equal letters are equal sizes in all arrays of a file.
    optional : bool
        Whether it may be absent.
    """

    kind: str
    shapes: tuple[str, ...]
    optional: bool = False

    def fits(self, array: NDArray[Any] | None, sizes: dict[str, int]) -> bool:
        """Whether an array matches; records its sizes."""
        if array is None:
            return self.optional
        letters = next((text for text in self.shapes if len(text) == array.ndim), None)
        if letters is None or array.dtype.kind != self.kind:
            return False
        pairs = zip(letters, array.shape, strict=True)
        return all(sizes.setdefault(letter, size) == size for letter, size in pairs)


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds: the kind of router, its parameters, candidates and fitted arrays."""

    path: Path
    kind: str
    parameters: dict[str, Any]
    candidates: tuple[str, ...] | None
    arrays: dict[str, NDArray[Any]]


@dataclass(eq=False, repr=False)
class SavedEstimator(SmoothieEstimator):
    """A router that can be saved once it is fitted, and loaded to route new inputs.

    Attributes
    ----------
    candidates : tuple of str, length K, or None
        Names of the candidates, if they were saved with the router.
    """

    candidates: tuple[str, ...] | None = field(default=None, init=False, repr=False)

    _layout: ClassVar[Mapping[str, Stored]] = {}  # of the fitted attributes

    def save(self, path: str | Path, candidates: Sequence[str] | None = None) -> None:
        """Write the fitted router to a file.

        Parameters
        ----------
        path : str or Path
            An .npz file of plain arrays.
        candidates : sequence of str, length K, optional
            Their names, to be saved with the router; by default those that it was loaded with.

        Raises
        ------
        ValueError
            If it is not fitted, or there are not K names.
        """
        self._require_fitted()
        names = self.candidates if candidates is None else tuple(candidates)
        count = self.weights_.shape[-1]
        if names is not None and len(names) != count:
            raise SmoothieError(f"candidates: expected {count} names, found {len(names)}")
        if names is not None and len(set(names)) < count:
            raise SmoothieError(f"candidates: expected different names, found {', '.join(names)}")
        parameters = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params().items()
        }
        arrays = {
            "format": np.array(FORMAT),
            "kind": np.array(type(self).__name__),
            "parameters": np.array(json.dumps(parameters)),
        }
        if names is not None:
            arrays["candidates"] = np.array(names, dtype=str)
        for name in self._layout:
            value = getattr(self, name)
            if value is not None:
                arrays[name.strip("_")] = np.asarray(value)
        write_npz(Path(path), arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a router that `save` wrote.

        Raises
        ------
        ValueError
            If the file is missing, broken or cut off, or holds something else; in one sentence.
        """
        return cls.restore(read_saved(path))

    @classmethod
    def restore(cls, saved: Saved) -> Self:
        """Rebuild the saved router, and check that its parts fit together."""
        if saved.kind != cls.__name__:
            raise SmoothieError(
                f"{saved.path}: holds a {saved.kind}, not a {cls.__name__}; "
                f"smoothie.load_router reads either"
            )
        if set(saved.parameters) != set(cls().get_params()):
            raise SmoothieError(f"{saved.path}: the parameters are not those of {cls.__name__}")
        sizes = {} if saved.candidates is None else {"K": len(saved.candidates)}
        arrays = {}
        for name, stored in cls._layout.items():
            array = arrays[name] = saved.arrays.get(name.strip("_"))
            if not stored.fits(array, sizes):
                found = "is missing" if array is None else f"is {array.dtype} of {array.shape}"
                raise SmoothieError(f"{saved.path}: {name.strip('_')} {found}, which does not fit")
        try:
            router = cls(**saved.parameters)
            vars(router).update(arrays, candidates=saved.candidates)
            router._check()
        except SmoothieError as error:
            raise SmoothieError(f"{saved.path}: {error}") from error
        return router

    def _check(self) -> None:
        """Check the values of the loaded arrays."""
        if not len(self.choices_):
            raise SmoothieError("there are no fitted rows")
        if not ((self.choices_ >= 0) & (self.choices_ < self.weights_.shape[-1])).all():
            raise SmoothieError("choices are not among the candidates")
        if not np.isfinite(self.errors_).all():
            raise SmoothieError("errors must be finite")
        if self.degenerate == "keep":  # errors and weights of any sign, as in the released code
            return
        if not (self.errors_ > 0).all():
            raise SmoothieError("errors must be positive")
        positive = (self.weights_ >= 0).all()  # also false for NaN
        if not positive or not (np.abs(self.weights_.sum(axis=-1) - 1) <= CLOSE).all():
            raise SmoothieError("weights must be zero or more, and sum to one in each row")


def read_saved(path: str | Path) -> Saved:
    """Read what `SavedEstimator.save` wrote, of whatever kind."""
    file = user_path(path)
    arrays = read_npz(file, [])
    if any(name not in arrays or arrays[name].ndim for name in HEADER):
        raise SmoothieError(f"{file}: not a saved router")
    version, kind = arrays["format"].item(), str(arrays["kind"])
    if version != FORMAT:
        raise SmoothieError(f"{file}: router format {shown(version)}; this version reads {FORMAT}")
    try:
        parameters = parse_json(str(arrays["parameters"]))
    except NOT_JSON as error:
        raise SmoothieError(f"{file}: the parameters are not JSON") from error
    if not isinstance(parameters, dict):
        raise SmoothieError(f"{file}: the parameters are not a JSON object")
    names = arrays.get("candidates")
    if names is None:
        return Saved(file, kind, parameters, None, arrays)
    candidates = tuple(str(name) for name in names.ravel())
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(candidates)) < len(candidates):
        raise SmoothieError(f"{file}: candidates must be different names")
    require_names("candidate", candidates, str(file))
    return Saved(file, kind, parameters, candidates, arrays)
