"""The index on this disk, for every test of the room."""

from tests.offline.shelf import project, shelf

__all__ = ["project", "shelf"]
