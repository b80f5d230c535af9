"""Runs commands, each in a process that has its libraries imported already.

A command line takes seconds to import what it needs. This process imports it once and forks: a
line of JSON in, with a list of orders (module, arguments, folder, environment, file for the
output) that are carried out side by side; a line with the list of exit statuses out.
"""

import importlib
import json
import os
import runpy
import sys
import traceback

HEAVY = ["hydra", "matplotlib.figure", "pandas", "rouge_score.rouge_scorer", "sacrebleu", "sklearn"]
HEAVY += ["sentence_transformers", "threadpoolctl", "torch"]


def start_forked(order: dict) -> int:
    """Run a module in a child process; its id."""
    child = os.fork()
    if child:
        return child
    try:
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        sys.argv = [order["module"], *order["arguments"]]
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        children = [start_forked(order) for order in json.loads(line)]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(statuses) + "\n")
        sys.stdout.flush()
