"""The site, built by scripts/site: the pages of the repository, and the API from the docstrings."""

import sys
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

from smoothie import __version__  # of the checkout, whatever is installed

project = "Smoothie"
author = copyright = "The Smoothie developers"
release = version = __version__

# Pages of all folders belong to it, so that links between them lead to pages, there and here.
root_doc = "docs/index"
include_patterns = ["docs/**", "results/*.md", "results/**/*.md", "CHANGELOG.md"]
include_patterns += ["CONTRIBUTING.md", "tests/survivors.md", "smoothie/demo/SOURCE.md"]
exclude_patterns = ["outputs", "build", "dist", ".*", "**/.*", "**/__pycache__"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
suppress_warnings = ["myst.header", "toc.not_included", "misc.highlighting_failure"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebook holds its results; tests/test_tutorial.py runs it
autodoc_typehints = "none"  # the docstrings have them
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "Smoothie"
html_copy_source = False
highlight_language = "none"
html_math_renderer = "mathml"


def write_formula(writer: Any, node: Any) -> NoReturn:
    """Formulas as MathML, which browsers draw by themselves: nothing is loaded from elsewhere."""
    from docutils.nodes import SkipNode
    from latex2mathml.converter import convert

    display = "inline" if node.tagname == "math" else "block"
    writer.body.append(convert(node.astext(), display=display))
    raise SkipNode


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
