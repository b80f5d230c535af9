"""Save and load fitted routers: files are written whole, and read without pickle."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.base import Encoder, EncoderId, encoder_id
from smoothie.errors import SmoothieError, shown
from smoothie.fields import require_names
from smoothie.routers.estimators import SmoothieEstimator
from smoothie.storage.arrays import read_npz, write_npz
from smoothie.storage.files import NOT_JSON, parse_json, user_path

log = logging.getLogger(__name__)

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
    """What a file holds: kind of router, parameters, candidates, encoder and fitted arrays."""

    path: Path
    kind: str
    parameters: dict[str, Any]
    candidates: tuple[str, ...] | None
    encoder: EncoderId | None
    arrays: dict[str, NDArray[Any]]


@dataclass(eq=False, repr=False)
class SavedEstimator(SmoothieEstimator):
    """A router that can be saved once it is fitted, and loaded to route new inputs.

    Attributes
    ----------
    candidates : tuple of str, length K, or None
        Names of the candidates, if they were saved with the router.
    encoder : EncoderId or None
        What made the vectors that it was fitted with, if that was saved with the router.
    """

    candidates: tuple[str, ...] | None = field(default=None, init=False, repr=False)
    encoder: EncoderId | None = field(default=None, init=False, repr=False)

    _layout: ClassVar[Mapping[str, Stored]] = {}  # of the fitted attributes

    def save(
        self,
        path: str | Path,
        candidates: Sequence[str] | None = None,
        encoder: Encoder | EncoderId | None = None,
    ) -> None:
        """Write the fitted router to a file.

        Parameters
        ----------
        path : str or Path
            An .npz file of plain arrays.
        candidates : sequence of str, length K, optional
            Their names, to be saved with the router; by default those that it was loaded with.
        encoder : Encoder or EncoderId, optional
            What made the vectors that it was fitted with, so that vectors of another one are
            refused and texts can be routed; by default the one that it was loaded with.

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
        made_by = self.encoder if encoder is None else as_id_of(encoder)
        if made_by is not None:
            arrays["encoder"] = np.array(json.dumps(asdict(made_by)))
        for name in self._layout:
            value = getattr(self, name)
            if value is not None:
                arrays[name.strip("_")] = np.asarray(value)
        write_npz(Path(path), arrays)

    def predict_texts(self, texts: Sequence[str], encoder: Encoder) -> NDArray[np.intp]:
        """Choices for new inputs that are given as texts, (M,).

        Parameters
        ----------
        texts : sequence of str, length M
            The inputs; no answers are needed.
        encoder : Encoder
            The one that the router was fitted with.

        Raises
        ------
        SmoothieError
            If it is another encoder, or has no model to embed texts with.
        """
        self._require_fitted()
        self.require_encoder(encoder)
        if self.encoder is None:
            log.warning(
                "the router does not say what made its vectors; those of %s are taken for the same",
                encoder_id(encoder),
            )
        vectors = encoder.encode_inputs(list(texts))
        if vectors is None:
            raise SmoothieError(f"{encoder_id(encoder)}: has no model to embed texts with")
        return self.predict(vectors)

    def predict(self, inputs: NDArray[np.floating[Any]] | None = None) -> NDArray[np.intp]:
        """Choices for new inputs, or, without any, for the fitted rows."""
        raise NotImplementedError

    def require_encoder(self, encoder: Encoder | EncoderId) -> None:
        """Refuse an encoder other than the one that the router was fitted with, if it is known."""
        given = as_id_of(encoder)
        if self.encoder is not None and given != self.encoder:
            raise SmoothieError(
                f"the router was fitted with vectors of {self.encoder}, and {given} makes others: "
                f"use that encoder, or fit the router again"
            )

    @classmethod
    def load(cls, path: str | Path, encoder: Encoder | None = None) -> Self:
        """Read a router that `save` wrote.

        Parameters
        ----------
        path : str or Path
        encoder : Encoder, optional
            The one that new inputs will be embedded by; another than that of the file is refused.

        Raises
        ------
        ValueError
            If the file is missing, broken or cut off, or holds something else; in one sentence.
        """
        return cls.restore(read_saved(path), encoder)

    @classmethod
    def restore(cls, saved: Saved, encoder: Encoder | None = None) -> Self:
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
            vars(router).update(arrays, candidates=saved.candidates, encoder=saved.encoder)
            router._check()
            if encoder is not None:
                router.require_encoder(encoder)
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
    encoder = read_encoder(arrays.get("encoder"), file)
    names = arrays.get("candidates")
    if names is None:
        return Saved(file, kind, parameters, None, encoder, arrays)
    candidates = tuple(str(name) for name in names.ravel())
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(candidates)) < len(candidates):
        raise SmoothieError(f"{file}: candidates must be different names")
    require_names("candidate", candidates, str(file))
    return Saved(file, kind, parameters, candidates, encoder, arrays)


def read_encoder(entry: NDArray[Any] | None, file: Path) -> EncoderId | None:
    """What made the vectors; None in files that do not say so."""
    if entry is None:
        return None
    try:
        parts = parse_json(str(entry))
    except NOT_JSON as error:
        raise SmoothieError(f"{file}: the encoder is not JSON") from error
    names = {"name", "checksum", "settings"}
    if not isinstance(parts, dict) or set(parts) != names:
        raise SmoothieError(f"{file}: expected {', '.join(sorted(names))} of the encoder")
    if not all(isinstance(value, str) for value in parts.values()):
        raise SmoothieError(f"{file}: expected texts as name, checksum and settings of the encoder")
    return EncoderId(**parts)


def as_id_of(encoder: Encoder | EncoderId) -> EncoderId:
    """The id of an encoder; an id is taken as it is."""
    return encoder if isinstance(encoder, EncoderId) else encoder_id(encoder)
