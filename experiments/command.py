"""Start of every command: register Hydra's groups, then compose and run."""

import logging
import os
import signal
import threading
from collections.abc import Callable

from omegaconf import OmegaConf

import experiments.once  # noqa: F401  (Hydra composes once)
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
    logging.raiseExceptions = False  # no traces of a log file on a full disk
    end_as_after_ctrl_c()
    with one_sentence_errors():
        register_groups()
        OmegaConf.register_new_resolver("choices", choices_help, replace=True)
        OmegaConf.register_new_resolver("methods", methods_help, replace=True)
        main()


def end_as_after_ctrl_c() -> None:
    """Store what was computed and end in one line when a scheduler ends the process, too."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
