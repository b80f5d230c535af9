"""Colors that can be read: darker on white, lighter on black."""

# Relative luminance (WCAG 2) of texts on white, for a contrast of 4.5, and of what is on black.
BRIGHTEST, DARKEST = 0.183, 0.25


def tones(color: str) -> dict[str, str]:
    """A color for lines, darker for texts on white (`ink`), lighter on black (`dark`).

    Examples
    --------
    >>> from smoothie.report.colors import tones
    >>> tones("#000000")
    {'color': '#000000', 'ink': '#000000', 'dark': '#898989'}
    """
    linear = [decoded(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    less = min(1.0, BRIGHTEST / max(luminance, 1e-9))
    more = max(0.0, (DARKEST - luminance) / max(1 - luminance, 1e-9))
    return {
        "color": color,
        "ink": encoded([part * less for part in linear]),
        "dark": encoded([part + more * (1 - part) for part in linear]),
    }


def decoded(part: float) -> float:
    """A part of sRGB as linear light (IEC 61966-2-1)."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def encoded(linear: list[float]) -> str:
    """Linear light as a color of sRGB."""
    parts = [x * 12.92 if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in linear]
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)
