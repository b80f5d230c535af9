"""The language of a text, by its letters and its most frequent words: enough to tell them apart."""

import re

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1000  # inputs whose texts are looked at, evenly spread
CHARACTERS = 400  # of a text that are looked at
FEWEST = 4  # function words, or letters of another script, that are needed to say anything
LEAD = 2  # times as many words as of any other language
# The most frequent words of each language that are no words of the others.
WORDS = {
    "English": "the of and to that is was for with are this by from they which have not",
    "German": "der und das ist nicht den von zu mit sich auf ein eine auch dem wird als wie",
    "French": "les des et est une dans qui pour pas du sur avec au sont cette vous ou mais",
    "Spanish": "el los las y por con una del es lo como pero sus muy este al",
    "Italian": "il che di è per una sono della non con gli nel anche più alla dei",
    "Portuguese": "o os não um uma com em é do da dos das ao mais você foi",
    "Dutch": "het een van en niet dat zijn op te voor met aan ook wordt naar bij",
}
SCRIPTS = {
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff",
    "Arabic": "\u0600-\u06ff",
    "Hebrew": "\u0590-\u05ff",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
    "Japanese": "\u3040-\u30ff",
    "Chinese": "\u4e00-\u9fff",
    "Korean": "\uac00-\ud7af",
}
LETTERS = {name: re.compile(f"[{letters}]") for name, letters in SCRIPTS.items()}
LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
WORD = re.compile(r"[^\W\d_]+")
LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _words in WORDS.items():
    for _word in _words.split():
        LANGUAGES_OF.setdefault(_word, []).append(_language)


def language(text: str) -> str:
    """The language of a text; for other alphabets than the Latin one, its script; "" if unknown.

    Examples
    --------
    >>> language("The cat is on the mat and that is it."), language("Das ist nicht der Hut und das")
    ('English', 'German')
    >>> language("Кошка сидит на коврике"), language("x = 4")
    ('Cyrillic', '')
    """
    text = text[:CHARACTERS]
    if not text.isascii():
        counts = {name: len(letters.findall(text)) for name, letters in LETTERS.items()}
        if counts["Japanese"]:  # is written with Chinese characters, too
            counts["Japanese"] += counts["Chinese"]
        most = max(counts, key=lambda name: counts[name])
        if counts[most] >= FEWEST and counts[most] > len(LATIN.findall(text)):
            return most
    hits = dict.fromkeys(WORDS, 0)
    for word in WORD.findall(text.lower()):
        for name in LANGUAGES_OF.get(word, ()):
            hits[name] += 1
    first, second, *_ = sorted(hits, key=lambda name: -hits[name])
    clear = hits[first] >= FEWEST and hits[first] >= LEAD * hits[second]
    return first if clear else ""


def languages_of(
    texts: NDArray[np.object_],
) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Rows that were looked at, and the language of each of their texts, (rows, K)."""
    rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), SAMPLE)).astype(np.intp))
    spoken = np.array([[language(text) for text in row] for row in texts[rows]], dtype=object)
    return rows, spoken.reshape(len(rows), -1)
