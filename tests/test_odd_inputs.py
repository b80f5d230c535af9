"""What a file may hold besides what it should: refused in one sentence, or read as it stands."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from smoothie import SmoothieError, load_router
from smoothie.encoders.distances import StoredDistances
from smoothie.encoders.stored import StoredVectors
from smoothie.loaders import LocalFolder
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.scorers import StoredPreferences, StoredScores
from tests.conftest import make_set, store_vectors, write_lines

NAMES = ("alpha", "beta", "gamma")
LINE = 5  # the one that is spoiled, counted from one

# What is written in place of a value, as JSON.
VALUES = {
    "null": "null",
    "true": "true",
    "number": "7.5",
    "whole number": "7",
    "negative": "-1",
    "infinite": "Infinity",
    "not a number": "NaN",
    "400 digits": "1" * 400,
    "5000 digits": "1" * 5000,
    "empty": '""',
    "unknown name": '"nobody"',
    "list": '["it"]',
    "list of numbers": "[1, 2]",
    "list of null": "[null]",
    "empty list": "[]",
    "object": '{"a": 1}',
    "nested": "[" * 300 + "]" * 300,
    "deeply nested": "[" * 100_000 + "]" * 100_000,
    "deeply nested objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lone surrogate": '"cut \\ud83d"',
    "NUL": '"nul \\u0000"',
    "line break": '"two\\r\\nlines"',
    "carriage return": '"two\\rlines"',
    "path": '"../../outside"',
    "formula": '"=1+1"',
}

# The values that a field takes; all others are refused, with the number of the line.
TEXTS = {"empty", "unknown name", "path", "formula"}
LONE = {"lone surrogate", "NUL", "line break", "carriage return"}  # in texts, not in names
NUMBERS = {"number", "whole number"}
NEW_ID = {"whole number", "negative", "400 digits", "unknown name", "path", "formula"}
NEW_ID |= {"line break", "carriage return"}  # an id may hold them: CSV files quote it
READ = {
    ("dataset.jsonl", "task"): {"missing", "null"} | TEXTS,
    ("dataset.jsonl", "input"): {"missing", "null"} | TEXTS | LONE,
    ("dataset.jsonl", "references"): {"missing", "null", "negative", "400 digits"}
    | {"list", "list of numbers", "empty list"}
    | NUMBERS
    | TEXTS
    | LONE,
    ("generations/beta.jsonl", "generation"): TEXTS | LONE,
    ("generations/beta.jsonl", "generations"): {"list"},
    ("labels.jsonl", "score"): {"null"},
    ("candidates.jsonl", "id"): {"missing", "null"},
    ("candidates.jsonl", "cost"): {"missing", "null"} | NUMBERS,
    ("candidates.jsonl", "latency"): {"missing", "null"} | NUMBERS,
    ("candidates.jsonl", "cost_unit"): {"missing", "null", "empty"},
    ("candidates.jsonl", "latency_unit"): {"missing", "null", "empty"},
    ("scores.jsonl", "id"): NEW_ID,
    ("scores.jsonl", "model"): TEXTS | LONE,
    ("scores.jsonl", "score"): {"null", "negative"} | NUMBERS,
    ("preferences.jsonl", "id"): NEW_ID,
    ("preferences.jsonl", "winner"): {"null"},
}
