"""Do the tests of a module notice changes of its lines?

    python -m tests.mutation FOLDER estimator problem --most 300

copies the repository to FOLDER, lets mutmut (`pip install mutmut==3.8.1`) change one place of a
module at a time, runs the module's own quick tests each time, and prints a row of the table of
`tests/survivors.md` and the changes that no test noticed.
"""

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Files of smoothie/, and the tests that are their own.
MODULES = {
    "estimator": ("estimator.py", "test_estimator.py routers/test_smoothie.py"),
    "evaluation": ("evaluation.py", "test_evaluation.py"),
    "metrics": (
        "metrics/base.py metrics/delimited.py metrics/final.py metrics/numbers.py metrics/qa.py "
        "metrics/rouge.py metrics/scores.py metrics/scoring.py metrics/texts.py metrics/values.py "
        "metrics/views.py",
        "test_delimited.py test_metrics.py test_metrics_qa.py test_rouge.py test_values.py "
        "test_views.py",
    ),
    "neighbors": (
        "neighbors/exact.py neighbors/cached.py neighbors/index.py",
        "test_neighbors.py test_cached_neighbors.py",
    ),
    "problem": ("problem.py", "test_problem.py"),
    "cache": ("storage/cache.py storage/checked.py", "test_cache.py test_damaged_caches.py"),
    "routers": ("routers/*.py", "routers"),
    "wording": ("ngrams.py wording.py", "test_wording.py routers/test_consensus.py"),
    "posterior": ("posterior.py", "test_posterior.py routers/test_few_labels.py"),
}
CACHES = ("cache", "lru_cache")
ALIVE = (None, 0, 5, 33)  # exit codes: not run, all tests passed, none found, none calls it


class WithoutMessages(ast.NodeTransformer):
    """Blank what people read, and what only this code can break."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Blank texts of more than one word."""
        return ast.Constant("") if isinstance(node.value, str) and " " in node.value else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Blank a message that is None."""
        self.generic_visit(node)
        if isinstance(node.exc, ast.Call):
            for place, given in enumerate(node.exc.args):
                if isinstance(given, ast.Constant | ast.JoinedStr):
                    node.exc.args[place] = ast.Constant("")
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Blank what is logged, and whether zip is strict."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "log":
            node.args = []
        if ast.unparse(node.func) in ("zip", "map"):
            node.keywords = []
        return node


def in_scope(original: ast.AST, mutant: ast.AST) -> bool:
    """Whether a change is more than one of a message."""
    one, other = (ast.dump(WithoutMessages().visit(tree)) for tree in (original, mutant))
    return one != other


def functions_of(path: Path) -> dict[str, str]:
    """The source of each function of a mutated file, by mutmut's name."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
    }


def renamed(source: str, name: str) -> str:
    """A function's source under the name f, not indented."""
    lines = source.splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines).replace(name, "f", 1)


def difference(original: str, mutant: str) -> str:
    """The changed lines."""
    lines = difflib.unified_diff(original.splitlines(), mutant.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def undecorated(source: str) -> str:
    """The same with every `@g` before `def f` as `f = g(f)` behind it: else mutmut skips f.

    Caches are left out: what the unchanged function returned would hide a change.
    """
    lines = source.splitlines()
    functions = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef))
    for node in sorted(functions, key=lambda node: node.lineno, reverse=True):
        decorators = [ast.unparse(one) for one in node.decorator_list]
        if not decorators or {"staticmethod", "classmethod"} & set(decorators):
            continue
        indent = " " * node.col_offset
        lasting = [one for one in decorators if one.partition("(")[0] not in CACHES]
        after = [f"{indent}{node.name} = {one}({node.name})" for one in reversed(lasting)]
        lines[node.end_lineno : node.end_lineno] = after
        del lines[node.decorator_list[0].lineno - 1 : node.lineno - 1]
    return "\n".join(lines) + "\n"


def prepare(folder: Path, module: str) -> Path:
    """A copy of the repository in which mutmut changes one module."""
    copy = folder / module
    shutil.rmtree(copy, ignore_errors=True)
    skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "outputs")
    shutil.copytree(ROOT, copy, ignore=skipped)
    files, tests = MODULES[module]
    for pattern in files.split():
        for path in (copy / "smoothie").glob(pattern):
            path.write_text(undecorated(path.read_text(encoding="utf-8")), encoding="utf-8")

    def listed(names: list[str]) -> str:
        return "".join(f"\n    {name}" for name in names)

    (copy / "setup.cfg").write_text(
        "[mutmut]\nsource_paths=smoothie/"
        f"\nonly_mutate={listed([f'smoothie/{name}' for name in files.split()])}"
        f"\npytest_add_cli_args={listed(['-m', 'not slow', '-p', 'no:cacheprovider'])}"
        "\npytest_add_cli_args_test_selection="
        f"{listed([f'tests/{name}' for name in tests.split()])}"
        "\nalso_copy=\n    conf\n    experiments\n    README.md\n",
        encoding="utf-8",
    )
    return copy


def run(folder: Path, module: str, most: int, seed: int, workers: int) -> None:
    """Change a module, and print what its tests noticed."""
    copy = prepare(folder, module)
    mutmut = [sys.executable, "-m", "mutmut"]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([*mutmut, "run", "--max-children", str(workers), "no.such.mutant"], cwd=copy,
                   env=environment, check=False, stdout=subprocess.DEVNULL)  # fmt: skip
    changes, out = {}, 0
    for meta in sorted((copy / "mutants" / "smoothie").rglob("*.py.meta")):
        functions = functions_of(meta.with_suffix(""))
        for key in json.loads(meta.read_text())["exit_code_by_key"]:
            name = key.rpartition(".")[2]
            first = name.rpartition("_")[0] + "_orig"
            pair = [renamed(functions[n], n) for n in (first, name)]
            if in_scope(*map(ast.parse, pair)):
                changes[key] = difference(*pair)
            else:
                out += 1
    chosen = sorted(changes)
    if len(chosen) > most:
        chosen = sorted(random.Random(seed).sample(chosen, most))
    subprocess.run([*mutmut, "run", "--max-children", str(workers), *chosen], cwd=copy,
                   env=environment, check=False, stdout=subprocess.DEVNULL)  # fmt: skip
    codes: dict[str, int | None] = {}
    for meta in (copy / "mutants" / "smoothie").rglob("*.py.meta"):
        codes |= json.loads(meta.read_text())["exit_code_by_key"]
    killed = sum(codes[key] not in ALIVE for key in chosen)
    share = 100 * killed / max(1, len(chosen))
    total = len(changes) + out
    sys.stdout.write(f"| {module} | {total} | {out} | {len(chosen)} | {killed} | {share:.1f}% |\n")
    for key in chosen:
        if codes[key] in ALIVE:
            sys.stdout.write(f"\n{key} ({codes[key]})\n{changes[key]}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("modules", nargs="+", choices=MODULES)
    parser.add_argument("--most", type=int, default=sys.maxsize, help="of each module, at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.modules:
        run(arguments.folder, name, arguments.most, arguments.seed, arguments.workers)
