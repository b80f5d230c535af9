"""Groups and methods for `--help`: ${choices:GROUP,...} and ${methods:} in templates."""

import re
from collections.abc import Iterable

from hydra.core.config_store import ConfigStore

from experiments.groups import CONF, methods

NUMBERED = re.compile(r"(.+?)(\d+)")
SEVERAL = 4  # from that many numbered names on, only the first and the last are listed


def choices_help(*groups: str) -> str:
    """A line for each group, with its names."""
    lines = (f"{group}: {', '.join(shortened(choices_of(group)))}" for group in groups)
    return escaped("\n".join(lines))


def choices_of(group: str) -> list[str]:
    """Names of a group: of its files and of what is registered."""
    stored = ConfigStore.instance().list(group) if group in ConfigStore.instance().repo else []
    names = [name for name in stored if name.endswith(".yaml")]
    names += [path.name for path in (CONF / group).glob("*.yaml")]
    return sorted({name.removesuffix(".yaml") for name in names})


def shortened(names: Iterable[str]) -> list[str]:
    """Names; of those that differ only in a final number, the first and the last."""
    families: dict[str, list[str]] = {}
    for name in names:
        match = NUMBERED.fullmatch(name)
        families.setdefault(f"{match[1]}#" if match else name, []).append(name)
    short = []
    for family in families.values():
        family.sort(key=lambda name: (len(name), name))
        short += [f"{family[0]} to {family[-1]}"] if len(family) >= SEVERAL else family
    return short


def methods_help() -> str:
    """A line for each method: its name and description."""
    from smoothie.routers.base import ROUTERS

    lines = []
    for name, settings in methods().items():
        path = CONF / "method" / f"{name}.yaml"
        if path.exists():
            about = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("#")
        else:
            about = (ROUTERS[settings["router"]].__doc__ or "").strip().splitlines()[0]
        lines.append(f"{name:<24} {about.strip()}".rstrip())
    return escaped("\n".join(lines))


def escaped(text: str) -> str:
    """Text that stands for itself in one of Hydra's templates."""
    return text.replace("$", "$$")
