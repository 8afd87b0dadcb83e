"""Observers that tests look into."""

from a3.types.observer import Silent


class Heard(Silent):
    """Keeps the events."""

    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)
