"""A page from a template: nothing of the data can run in it, and it can load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smoothie.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"
STYLES = ("uplot.min.css", "page.css")
SCRIPTS = ("uplot.min.js", "basics.js", "charts.js")
OF_TEMPLATE = {
    "run.html": ("matrices.js", "diff.js", "answers.js", "detail.js", "browser.js"),
    "sweep.html": ("matrices.js", "sweep.js"),
}


def render(
    template: str, content: Mapping[str, Any], blocks: Iterable[tuple[str, str]] = ()
) -> str:
    """A page, whole.

    Parameters
    ----------
    template : str
        One of `OF_TEMPLATE`, in `static/`.
    content : mapping
        What the template shows, and what scripts read as `content`; its `tones` have colors.
    blocks : iterable of (id, str)
        Base64 that scripts unpack when it is needed, behind all that is shown at once.

    Returns
    -------
    str
        HTML without lone surrogates. Its Content-Security-Policy allows the page's own scripts and
        styles alone, by their checksums, and no connection.
    """
    names = (*SCRIPTS, *OF_TEMPLATE[template])
    script = "(() => {\n" + "\n".join(static(name) for name in names) + "\n})();\n"
    style = "\n".join([*(static(name) for name in STYLES), *tone_rules(content["tones"])])
    head = (
        environment()
        .get_template(template)
        .render(
            content,
            script=script,
            style=style,
            policy=policy(script, style),
            data=embedded_json(content),
        )
    )
    # The template ends within the body, so that all is there before the first block is read.
    tail = [
        f'<script type="application/octet-stream" id="{name}">{block}</script>\n'
        for name, block in blocks
    ]
    return head.encode("utf-8", "replace").decode() + "".join(tail) + "</body>\n</html>\n"


def tone_rules(tones: Iterable[Mapping[str, str]]) -> list[str]:
    """A class for each color, with the one that it has on black."""
    rules = {
        tone["color"]: f".tone-{tone['color'][1:]} {{ color: {tone['color']}; }} "
        "@media screen and (prefers-color-scheme: dark) "
        f"{{ .tone-{tone['color'][1:]} {{ color: {tone['dark']}; }} }}"
        for tone in tones
    }
    return list(rules.values())


@cache
def environment() -> Environment:
    """Templates in which everything is text unless it says that it is not."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(STATIC),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["text"] = printable
    made.filters["number"] = number
    return made


@cache
def static(name: str) -> str:
    """A file that is shipped."""
    return (STATIC / name).read_text(encoding="utf-8")


def policy(script: str, style: str) -> str:
    """What a browser may do for the page: run and apply these two texts, show embedded images."""
    return (
        "default-src 'none'; "
        f"script-src '{checksum(script)}'; style-src '{checksum(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def checksum(text: str) -> str:
    """SHA-256 as policies have it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def embedded_json(value: Any) -> str:
    r"""JSON that stays text within a script element, whatever its strings hold.

    Examples
    --------
    >>> from smoothie.report.page.html import embedded_json
    >>> embedded_json({"name": "</script><script>", "score": float("nan")})
    '{"name":"\\u003c/script>\\u003cscript>","score":null}'
    """
    shown = json.dumps(plain(value), separators=(",", ":"), allow_nan=False)
    return shown.replace("<", "\\u003c")


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, numbers of NumPy as Python's, NaN as null."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number(value: float | None, digits: int = 1, signed: bool = False) -> str:
    """A number with a true minus sign; nothing where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")
