# SPDX-License-Identifier: ISC
"""lotscribe.conf from a dictionary.

A section is a dictionary; a section with titles (`model`, `policy`) is a dictionary of dictionaries. Values are
strings, booleans, integers, floats or lists of these. An override of None removes a key.
"""
import copy
from pathlib import Path
from typing import Any, Dict, List

Config = Dict[str, Dict[str, Any]]

TITLED = ("model", "policy")


def merged(base: Config, *overrides: Config) -> Config:
    """A copy of `base` with the overrides laid over it, section by section and key by key."""
    result = copy.deepcopy(base)
    for override in overrides:
        _lay_over(result, override)
    return result


def _lay_over(target: Dict[str, Any], override: Dict[str, Any]) -> None:
    for key, value in override.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _lay_over(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(_value(item) for item in value) + "}"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _section(head: str, keys: Dict[str, Any]) -> List[str]:
    return [f"{head} {{", *(f"\t{key} = {_value(value)}" for key, value in keys.items()), "}"]


def render(config: Config) -> str:
    """The configuration as text in libconfuse's syntax."""
    lines: List[str] = []
    for name, keys in config.items():
        if name in TITLED:
            for title, inner in keys.items():
                lines += _section(f"{name} {_value(title) if name == 'model' else title}", inner)
        else:
            lines += _section(name, keys)
    return "\n".join(lines) + "\n"


def write(path: Path, config: Config) -> Path:
    """Write the configuration, readable by its owner alone, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(render(config))
    return path
