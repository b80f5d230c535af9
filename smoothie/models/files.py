"""Check that the files of a pretrained model are present and complete."""

from pathlib import Path

from smoothie.errors import SmoothieError
from smoothie.storage.files import read_json


def check_files(folder: Path) -> None:
    """Refuse the folder of a transformers model if a file is missing or broken.

    Raises
    ------
    SmoothieError
        If there is no config.json, a JSON file is broken, or the weights are not whole safetensors
        files. The tokenizer is checked once it is loaded, by `check_tokenizer`.
    """
    require(folder / "config.json", "it describes the model")
    for path in sorted(folder.glob("*.json")):
        read_json(path)
    for path in weight_files(folder):
        check_safetensors(path)


def check_sentence_model(folder: Path) -> list[Path]:
    """Refuse the folder of a sentence-transformers model if a file is missing or broken.

    Returns
    -------
    list of Path
        The folder of each of the modules that modules.json names, in order.

    Raises
    ------
    SmoothieError
        If a file is missing or broken, or weights are not in safetensors files.
    """
    index = folder / "modules.json"
    require(index, "an encoder is a sentence-transformers model, which names its modules there")
    modules = read_json(index)
    names = ("type", "path")
    if not modules or not all(
        isinstance(module, dict) and all(isinstance(module.get(name), str) for name in names)
        for module in (modules if isinstance(modules, list) else [None])
    ):
        raise SmoothieError(f"{index}: expected a list of modules, each with type and path")
    places = [folder / module["path"] for module in modules]
    for module, place in zip(modules, places, strict=True):
        kind = module["type"].rpartition(".")[2]
        if kind == "Transformer":
            check_files(place)
        elif kind == "Pooling":
            require(place / "config.json", "it says how vectors of tokens become one of a text")
        elif (place / "model.safetensors").is_file() or (place / "pytorch_model.bin").is_file():
            for path in weight_files(place):
                check_safetensors(path)
    return places


def require(path: Path, reason: str) -> None:
    """Refuse a folder without a required file."""
    if not path.is_file():
        raise SmoothieError(f"{path}: no such file; {reason}")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights of a model.

    Raises
    ------
    SmoothieError
        If there is none, or one is missing that the index of several names.
    """
    path = weights_at(folder)
    if path.name == "model.safetensors":
        require(path, "weights are read from safetensors files alone, not from .bin files")
        return [path]
    index = read_json(path)
    shards = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(shards, dict) or not shards:
        raise SmoothieError(f"{path}: expected a weight_map, the file of each weight")
    paths = [folder / str(name) for name in sorted(set(shards.values()))]
    for shard in paths:
        require(shard, f"{path.name} names it")
    return paths


def weights_at(folder: Path) -> Path:
    """Where a model's weights are: a file, or the index of several."""
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    return index if index.is_file() and not single.is_file() else single


def check_safetensors(path: Path) -> None:
    """Refuse a safetensors file that is empty or cut off; no weight is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        reason = str(error).strip().split("\n")[0]
        raise SmoothieError(f"{path}: not a whole safetensors file ({reason})") from error
