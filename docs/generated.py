"""The parts of the reference that are made from the code while the site is built.

A page says where by a line `<!-- generated: NAME -->`, NAME being a function below.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, nullcontext
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
_HEAD = ["| key | default | meaning | allowed |", "|---|---|---|---|"]
_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")
_MARKER = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill(page: str) -> str:
    """The page with each marker replaced by the Markdown that it names."""
    return _MARKER.sub(lambda found: PARTS[found[1]](), page)


def without_outer_links(page: str, path: Path) -> str:
    """The page with links to files of the repository that are no pages as text and path."""

    def plain(found: re.Match[str]) -> str:
        target = (Path(path).parent / found[2]).resolve()
        if target.is_relative_to(DOCS) or not target.is_file():
            return found[0]
        name = target.relative_to(ROOT).as_posix()
        return f"`{name}`" if found[1] in (name, target.name) else f"{found[1]} (`{name}`)"

    return _LINK.sub(plain, page)


def params() -> str:
    """A table a section of params.yaml: key, default, meaning, and what is allowed."""
    from scanvote.params import Params

    schema = Params.model_json_schema()
    lines: list[str] = []
    section = None
    for key, default, comment in _settings((ROOT / "params.yaml").read_text()):
        top = key.split(".")[0] if "." in key or not default else "Top level"
        if key and top != section:
            section = top
            lines += [
                "",
                f"## {top}",
                "",
                *([_sentence(comment), ""] if not default else []),
                *_HEAD,
            ]
        elif not key:
            lines.append(f"| *{_cell(comment)}* | | | |")
        if default:
            allowed = _allowed(schema, key)
            lines.append(f"| `{key}` | `{_cell(default)}` | {_cell(comment)} | {_cell(allowed)} |")
    return "\n".join(lines)


def commands() -> str:
    """The help of `scanvote` and its subcommands, by Typer."""
    words = [sys.executable, "-m", "typer", "scanvote.cli", "utils", "docs", "--name", "scanvote"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return "## " + done.stdout.split("\n## ", 1)[1]  # without the list, which the page is itself


def recipes() -> str:
    """A row a recipe."""
    from scanvote.commands.recipes import read_recipe, recipe_names

    with chdir(ROOT):
        found = {name: read_recipe(name) for name in recipe_names()}
    rows = ["| recipe | what it trains | source | published figure |", "|---|---|---|---|"]
    for name, one in found.items():
        rows.append(
            f"| `{name}` | {_cell(one.about)} | {_cell(one.source)} | {_cell(one.published)} |"
        )
    return "\n".join(rows)


def stages() -> str:
    """A row a stage of dvc.yaml: what it does, its outputs, the settings that it depends on."""
    described = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    rows = ["| stage | what it does | files | sections of params.yaml |", "|---|---|---|---|"]
    for name, stage in described.items():
        stage = stage.get("do", stage)
        outputs = [*_paths(stage.get("outs", [])), *_paths(stage.get("metrics", []))]
        files = "<br>".join(f"`{_plain(path)}`" for path in outputs)
        settings = ", ".join(f"`{_plain(one)}`" for one in _paths(stage.get("params", [])))
        rows.append(f"| `{name}` | {_cell(stage['desc'])} | {files} | {settings} |")
    return "\n".join(rows)


def rest() -> str:
    """A section an address of the REST interface, from its OpenAPI description."""
    return "\n".join(_rest_lines())


def sample_report() -> str:
    """A link to the sample report, if the last run here made one of the phantom."""
    if sample_report_path() is None:
        return (
            "This site was built without it: run `make repro` on the embedded data, then `make"
            " docs`, and it is a page of the site."
        )
    return '<p><a href="../sample-report.html">Read the whole sample report</a></p>'


def sample_report_path(path: Path = ROOT / "metrics" / "report.html") -> Path | None:
    """The report of the last run here; None if there is none, or it is not of the phantom alone."""
    if not path.is_file():
        return None
    title = re.search(r"<title>(.*?)</title>", path.read_text(encoding="utf-8")[:2000])
    tasks = title[1].removeprefix("scanvote: ").split("; ") if title else []
    of_phantom = bool(tasks) and all(one.endswith(" on phantom") for one in tasks)
    return path if of_phantom else None


def forms() -> str:
    """A section a form of a user's data, from the examples of the tests."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests.forms import page

    return page()


PARTS: dict[str, Callable[[], str]] = {
    one.__name__: one for one in (params, commands, recipes, stages, rest, sample_report, forms)
}


def _settings(text: str) -> Iterator[tuple[str, str, str]]:
    """Dotted key, default and comment of each setting in the text of params.yaml."""
    values = YAML(typ="safe").load(text)
    open_keys: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.strip("# "))
            continue
        found = re.match(r"( *)(\w+):(.*?)(?: +# *(.*))?$", line)
        if not found:
            above = []
            continue
        indent, key, comment = len(found[1]), found[2], found[4] or ""
        open_keys = [(depth, name) for depth, name in open_keys if depth < indent]
        dotted = ".".join([*(name for _, name in open_keys), key])
        value = found[3].strip() or _default(reduce(getitem, dotted.split("."), values))
        note, above = " ".join(one for one in above if not one.startswith("--")), []
        if not value:
            open_keys.append((indent, key))
        if note and indent:
            yield "", "", note
        yield dotted, value, comment or (note if not indent else "")


def _default(value: Any) -> str:
    """A null or a list, which stand below their key or not at all, on one line; no section."""
    if isinstance(value, list):
        return f"[{', '.join(map(_default, value))}]"
    return "" if isinstance(value, dict) else value if isinstance(value, str) else json.dumps(value)


def _allowed(schema: dict[str, Any], key: str) -> str:
    """What a key may hold, in words; empty where the meaning says it all."""
    node = schema
    for part in key.split("."):
        node = _resolved(schema, node)["properties"][part]
    return _words(schema, node)


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def _words(schema: dict[str, Any], node: dict[str, Any]) -> str:
    node = _resolved(schema, node)
    if "anyOf" in node:
        return " or ".join(_words(schema, one) for one in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{one}`" for one in node["enum"])
    kind = node.get("type", "")
    if kind == "array":
        return f"list of: {_words(schema, node['items'])}"
    bounds = [
        f"{sign} {node[name]:g}"
        for name, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if name in node
    ]
    word = {"string": "text", "number": "number", "object": "mapping", "boolean": "true or false"}
    return " ".join([word.get(kind, kind), " and ".join(bounds)]).strip()


def _rest_lines() -> Iterator[str]:
    from scanvote.serving.app import make_app
    from scanvote.serving.options import ServeOptions

    app = make_app(nullcontext, ServeOptions())  # type: ignore[arg-type]  # it is not started
    for path, methods in app.openapi()["paths"].items():
        for method, one in methods.items():
            yield f"### `{method.upper()} {path}`\n"
            yield one["description"]
            options = one.get("parameters", [])
            if options:
                yield "\n| option | meaning | allowed |\n|---|---|---|"
            for option in options:
                schema = option["schema"]
                meaning = _cell(option.get("description", ""))
                yield f"| `?{option['name']}=` | {meaning} | {_cell(_words({}, schema))} |"
            yield "\n| answer | meaning |\n|---|---|"
            for code, answer in one["responses"].items():
                yield f"| {code} | {_cell(answer['description'])} |"
            yield ""


def _paths(outputs: list[Any]) -> list[str]:
    return [one if isinstance(one, str) else next(iter(one)) for one in outputs]


def _plain(path: str) -> str:
    """`${item.task}` as `<task>`."""
    return re.sub(r"\$\{(?:item\.)?(\w+)\}", r"<\1>", path).replace("<key>", "<task>")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
