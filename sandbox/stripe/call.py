"""One API call, as the endpoints see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.session import Session


@dataclass(frozen=True)
class Call:
    """`target` is the id in the path, if the path has one; `given` are the decoded parameters, still text."""

    target: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""


Endpoint = Callable[[Session, Call], dict[str, Any]]
