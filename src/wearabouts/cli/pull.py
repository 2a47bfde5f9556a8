"""`pull`: a published encoder from a model hub, as a bundle like any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wearabouts.cli.terminal import Progress, say

if TYPE_CHECKING:
    from wearabouts.bundles import Bundle


def pull(
    repository: Annotated[
        str,
        typer.Argument(
            help="owner/name on the hub, such as Marqo/marqo-fashionSigLIP; or a folder copied from one.",
            metavar="REPOSITORY",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the bundle to write.")],
    variant: Annotated[
        str, typer.Option(help="fp32, fp16, int8, or the path of a graph in the repository.", metavar="VARIANT")
    ] = "fp32",
    revision: Annotated[str, typer.Option(help="Branch, tag or commit.")] = "main",
    accept_licence: Annotated[
        str,
        typer.Option(help="Name of a licence you may use the weights under, where it does not pass silently."),
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the bundle; left out, the repository's.")] = "",
    output: Annotated[str, typer.Option(help="The graph's tensor that becomes the vector; left out, by layout.")] = "",
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave the tower that reads text out.")] = False,
    fit: Annotated[
        str,
        typer.Option(
            help="white_square (the whole photo), stretch or centre_crop; left out, as the tower was trained."
        ),
    ] = "",
    endpoint: Annotated[str | None, typer.Option(help="Address of another hub than the one HF_ENDPOINT names.")] = None,
) -> None:
    """Pull a published encoder, with its licence shown; no code of the repository is run."""
    from wearabouts import hub

    with Progress("bytes") as progress:
        opened = hub.open_repository(repository, revision=revision, endpoint=endpoint, progress=progress.update)
        licence = hub.read_licence(opened)
        at = f" at commit {opened.commit}" if opened.commit else ""
        say(f"{opened.name}{at}; licence: {licence.name}{f' ({licence.why})' if licence.why else ''}")
        bundle = hub.pull(
            opened,
            out,
            variant=variant,
            output=output,
            accept_licence=accept_licence,
            name=name,
            text=not no_text,
            fit=fit,
        )
    _show(bundle, out)


def _show(bundle: Bundle, out: Path) -> None:
    card = bundle.card
    fitted = card.preprocessing
    share = f" of {fitted.share:.3g}" if fitted.fit == "centre_crop" else ""
    say(f"{card.name}: {card.dim} floats a photo; {fitted.size} px, {fitted.fit}{share}, {fitted.resample}")
    if card.text is not None:
        say(f"reads text: up to {card.text.context} tokens, {'lower case' if card.text.lower else 'as written'}")
    say(f"bundle written; now: wearabouts index SOURCE --model {out}")
