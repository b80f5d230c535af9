"""Routers, one module for each; a module is imported at the first access to a name in it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
