"""Hydra composes the configuration of a single run once instead of twice.

Before a run Hydra composes everything to look for `hydra.mode` alone, and then everything again.
Here it looks in the configuration that it goes on with; where that cannot be composed, as that of a
sweep, Hydra proceeds as it always does.
"""

from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.types import RunMode
from omegaconf import DictConfig, flag_override

import experiments.trust  # noqa: F401  (watches what is composed: below, it is called)

COMPOSED: dict[tuple[object, ...], DictConfig] = {}  # at most one, until it is used
SETTLED = "hydra.mode=RUN"  # which Hydra adds once it has looked

plain_mode, plain_load = Hydra.get_mode, ConfigLoaderImpl.load_configuration


def get_mode(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """The mode that a configuration sets; None where it sets none, or cannot be composed."""
    COMPOSED.clear()
    loader: Any = self.config_loader
    try:
        cfg = plain_load(loader, config_name, overrides, RunMode.RUN)
    except Exception:  # Hydra asks before it looks for errors, and finds them again
        return plain_mode(self, config_name, overrides)
    mode = cfg.hydra.mode
    with flag_override(cfg, ["struct", "readonly"], False):
        cfg.hydra.mode = RunMode.RUN
        cfg.hydra.overrides.hydra.append(SETTLED)
    COMPOSED[loader, config_name, *overrides, SETTLED] = cfg
    return mode


def load_configuration(
    self: ConfigLoaderImpl,
    config_name: str | None,
    overrides: list[str],
    run_mode: RunMode,
    *args: Any,
    **kwargs: Any,
) -> DictConfig:
    """Compose a configuration, unless `get_mode` has just composed the same one."""
    key = (self, config_name, *overrides)
    if run_mode == RunMode.RUN and key in COMPOSED:
        return COMPOSED.pop(key)
    return plain_load(self, config_name, overrides, run_mode, *args, **kwargs)


Hydra.get_mode = get_mode  # type: ignore[method-assign]
ConfigLoaderImpl.load_configuration = load_configuration  # type: ignore[method-assign]
