"""Start of every command: register Hydra's groups, then compose and run."""

import os
from collections.abc import Callable

from omegaconf import OmegaConf

from experiments.config import one_sentence_errors
from experiments.groups import register_groups
from experiments.help import choices_help, methods_help


def start(main: Callable[[], None]) -> None:
    """Run a command.

    Parameters
    ----------
    main : callable
        Decorated by `hydra.main`.
    """
    # Hydra then passes on what goes wrong, in a setting or with the output folder, instead of
    # printing a trace of its own.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with one_sentence_errors():
        register_groups()
        OmegaConf.register_new_resolver("choices", choices_help, replace=True)
        OmegaConf.register_new_resolver("methods", methods_help, replace=True)
        main()
