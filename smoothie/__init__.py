"""Smoothie: label-free routing of inputs to language models.

The public names are those in ``__init__.pyi``. Their modules are imported at the first access to a
name, so that a command line that only shows its help waits for none of them.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
