"""Whatever has a public name shows how it is used; pytest runs the examples themselves."""

import smoothie
from smoothie import routers
from smoothie.encoders import ENCODERS
from smoothie.loaders import SOURCES
from smoothie.metrics import METRICS
from smoothie.metrics.models import MODEL_METRICS
from smoothie.metrics.views import VIEWS
from smoothie.scorers import SCORERS

CONSTANTS = {"ROUTERS", "SAVED"}


def test_public_things_have_examples():
    public = {name: getattr(smoothie, name) for name in smoothie.__all__}
    public |= {name: getattr(routers, name) for name in routers.__all__ if name not in CONSTANTS}
    for registry in (routers.ROUTERS, METRICS, MODEL_METRICS, VIEWS, ENCODERS, SCORERS, SOURCES):
        public |= dict(registry)
    without = {name for name, thing in public.items() if ">>> " not in (thing.__doc__ or "")}
    assert without == set()
