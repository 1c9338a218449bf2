"""The same questions put to the other libraries, each with the settings that suit it best."""

from __future__ import annotations

from collections.abc import Iterator

from cases import Case
from nets import Subject

from peers.peer import Peer


def peers_of(subject: Subject, case: Case) -> Iterator[Peer]:
    """Every library that has an answer to this question in this framework, or should have."""
    if subject.framework == "tensorflow":
        from peers import keras_vis, xplique

        tables = [xplique.QUESTIONS, keras_vis.QUESTIONS]
    elif subject.framework == "torch":
        from peers import captum, grad_cam

        tables = [captum.QUESTIONS, grad_cam.QUESTIONS]
    else:
        tables = []
    for questions in tables:
        if case.key in questions:
            yield questions[case.key](subject, case)
