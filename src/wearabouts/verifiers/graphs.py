"""A verifier's graph at work in ONNX Runtime: opened once, checked before the first search asks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.errors import BundleError
from wearabouts.types import Floats


class Graph:
    """One graph with one output, on the CPU; safe to call from several threads.

    Args:
        content: Of the file.
        said: Whose it is and what, for messages, such as ``the verifier of 'mini'``.
        inputs: Names it takes.
        output: The one it gives.
        threads: Threads of one call; 0 leaves the choice to the runtime (one per core).

    Raises:
        BundleError: It cannot be run, or takes and gives other things.
    """

    def __init__(self, content: bytes, said: str, inputs: tuple[str, ...], output: str, threads: int) -> None:
        self.said, self._output = said, output
        self._session = _session(content, said, threads)
        takes, gives = (
            {part.name for part in parts} for parts in (self._session.get_inputs(), self._session.get_outputs())
        )
        if takes != set(inputs) or output not in gives:
            raise BundleError(
                f"{said} takes {', '.join(sorted(takes))} and gives {', '.join(sorted(gives))}; it should take "
                f"{' and '.join(inputs)} and give {output}; export the model again"
            )

    def run(self, **given: npt.NDArray[Any]) -> Floats:
        """The output for arrays by name."""
        arrays = {name: np.ascontiguousarray(array) for name, array in given.items()}
        found: Floats = self._session.run([self._output], arrays)[0]
        return found.astype(np.float32, copy=False)

    def tried(self, wanted: tuple[int, ...] | None, takes: str, **given: npt.NDArray[Any]) -> Floats:
        """Ask of blank input, so that a graph of another model is refused when it is opened.

        Args:
            wanted: Shape of what it must give; None allows any.
            takes: In words, what it was given.
            **given: The input.

        Raises:
            BundleError: It fails, or gives another shape.
        """
        try:
            found = self.run(**given)
        except Exception as error:  # the runtime raises its own unrelated types
            raise BundleError(
                f"{self.said} does not take {takes}: {str(error).splitlines()[0][:200]}; export the model again"
            ) from error
        if wanted is not None and found.shape != wanted:
            raise BundleError(f"{self.said} gives {found.shape}, its card says {wanted}; export the model again")
        return found


def _session(content: bytes, said: str, threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own unrelated types for every kind of damage
        raise BundleError(
            f"{said} cannot be run: {str(error).splitlines()[0][:200]}; export the model again"
        ) from error
