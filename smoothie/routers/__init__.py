"""Routers, one module for each; a module is imported when a name of it is asked for first."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
