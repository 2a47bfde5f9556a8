"""The shop's counter: HTTP API and page over one searcher and one store."""

from wearabouts.server.app import create_app
from wearabouts.server.serve import run
from wearabouts.server.settings import ServerSettings

__all__ = ["ServerSettings", "create_app", "run"]
