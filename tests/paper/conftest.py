from pathlib import Path

import pandas as pd
import pytest

from experiments.paper.comparison import KEY, read_published

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def published() -> pd.DataFrame:
    """The published cells of the repository."""
    return read_published(ROOT / "results" / "published")


def reproduction(published: pd.DataFrame, **columns) -> pd.DataFrame:
    """Cells of ours that repeat the published ones."""
    ours = published[[*KEY, "value"]].assign(
        ci_low="", ci_high="", n=1000, note="", command="python -m experiments.run"
    )
    return ours.assign(**columns)
