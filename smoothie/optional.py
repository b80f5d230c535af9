"""Optional packages, and the extras that install them."""

from importlib.util import find_spec

from smoothie.errors import SmoothieError

# Packages by the extra of pyproject.toml that installs them.
EXTRA_OF = {
    "datasets": "hub",
    "faiss": "faiss",
    "huggingface_hub": "encode",
    "hydra": "run",
    "inspect_ai": "inspect",
    "math_verify": "math",
    "matplotlib": "plots",
    "mlflow": "mlflow",
    "playwright": "browser",
    "model2vec": "static",
    "pyarrow": "hub",
    "ray": "ray",
    "rouge_score": "metrics",
    "sacrebleu": "metrics",
    "safetensors": "encode",
    "scipy": "statistics",
    "sentence_transformers": "encode",
    "sklearn": "run",
    "statsmodels": "statistics",
    "tokenizers": "encode",
    "torch": "encode",
    "trackio": "trackio",
    "transformers": "encode",
    "wandb": "wandb",
}


def is_installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return find_spec(package) is not None


def require(package: str, what: str) -> None:
    """Refuse to go on without a package.

    Parameters
    ----------
    package : str
        One of `EXTRA_OF`.
    what : str
        What cannot be done without it, as the subject of the sentence.

    Raises
    ------
    SmoothieError
        With the line that installs it.

    Examples
    --------
    >>> from smoothie.optional import require
    >>> require("torch", "an encoder")  # doctest: +SKIP
    Traceback (most recent call last):
    ...
    smoothie.errors.SmoothieError: an encoder needs torch: pip install 'smoothie-router[encode]'
    """
    if not is_installed(package):
        raise SmoothieError(f"{what} needs {package}: {install_line(EXTRA_OF[package])}")


def install_line(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'smoothie-router[{extra}]'"
