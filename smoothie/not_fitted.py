"""NotFittedError as scikit-learn knows it; a module of its own because it imports scikit-learn."""

from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from smoothie import errors


class NotFittedError(errors.NotFittedError, SklearnNotFittedError):  # type: ignore[misc]
    """What routers raise: scikit-learn's tools catch it as their own."""
