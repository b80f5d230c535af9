"""Start of the command `smoothie`: Ctrl-C ends it in one line, also while modules are loading."""

import sys


def main() -> int:
    """Run the command line (`smoothie.cli.main`)."""
    try:
        from smoothie.cli import main as run

        return run()
    except BaseException as error:
        from smoothie.errors import INTERRUPTED, interrupted

        if not interrupted(error):
            raise
        sys.stderr.write("stopped\n")
        return INTERRUPTED
