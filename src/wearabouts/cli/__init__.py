"""The command line: every verb of the house, one small module each.

Exit codes: 0 done (an `index` whose good rows are in counts as done, whatever rows it had to skip), 1 something was
found wrong (`check`) or went wrong inside, 2 the command cannot be meant or carried out, 130 stopped by the user.
Errors are one line on stderr; `--debug` shows where they come from. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from wearabouts import __version__
from wearabouts.cli import (
    calibrate,
    copies,
    demo,
    draw,
    evaluate,
    index,
    plan,
    pull,
    read,
    search,
    serve,
    upkeep,
    workshop,
)
from wearabouts.errors import WearaboutsError

# What a missing package says, by the extra that brings it.
EXTRAS = {
    "train": ("torch", "safetensors", "onnx", "onnxscript", "tflite"),
    "cluster": ("pymilvus", "ray"),
    "hub": ("huggingface_hub", "tokenizers", "yaml", "tqdm"),
    "heif": ("pillow_heif",),
}

STOPPED = ("stopped; run the same command again to go on from here", 130)

app = typer.Typer(
    name="wearabouts",
    help="Visual search for fashion shops: a street photo goes in, the shop's own products come out.",
    epilog="First steps: `wearabouts demo` for a drawn shop; `wearabouts index FEED` and `wearabouts serve` for yours.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo.demo,
    draw.draw,
    read.read,
    index.index,
    search.search,
    search.compare,
    serve.serve,
    evaluate.evaluate,
    calibrate.calibrate,
    upkeep.check,
    upkeep.repair,
    copies.backup,
    copies.restore,
    copies.copy,
    upkeep.describe,
    plan.plan,
    workshop.train,
    workshop.export,
    pull.pull,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from. May stand anywhere.")] = False,
) -> None:
    if version:
        typer.echo(f"wearabouts {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words after the program's name; None for those of the process.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    end = words.index("--") if "--" in words else len(words)
    debug = "--debug" in words[:end]
    words = [word for place, word in enumerate(words) if word != "--debug" or place > end]
    try:
        result = app(args=words, prog_name="wearabouts", standalone_mode=False)
        sys.stdout.flush()
        # Typer turns Ctrl+C inside a command into this code, silently.
        return _fail(*STOPPED) if result == STOPPED[1] else result if isinstance(result, int) else 0
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail(*STOPPED)
    except SystemExit as end:  # Typer's way with a broken pipe, uvicorn's with a failed start
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _fail(*_worded(error))


def _worded(error: Exception) -> tuple[str, int]:
    """One line for a person, and the exit code."""
    if isinstance(error, WearaboutsError):
        return str(error), 2
    # Typer's usage errors derive from a class that it does not export under one name in all its versions.
    wording: Any = getattr(error, "format_message", None)
    if wording is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "wearabouts"
        return f"{str(wording()).rstrip('.')}; see `{path} --help`", 2
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        for extra, packages in EXTRAS.items():
            if package in packages:
                return f"this command needs {package}; install it with: pip install 'wearabouts[{extra}]'", 2
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"the system refuses: {error.strerror or error}{place}; check the path, its rights and the free space", 2
    return f"internal error, {type(error).__name__}: {error}; run again with --debug and report what it shows", 1


def _fail(message: str, code: int) -> int:
    typer.echo("wearabouts: " + " ".join(message.split()), err=True)
    return code
