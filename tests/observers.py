"""Observers that tests look into."""

from a3.types.observer import Silent


class Heard(Silent):
    """Keeps the events and the figures."""

    def __init__(self):
        self.events, self.figures = [], []

    def event(self, event):
        self.events.append(event)

    def metrics(self, values, trial=None):
        if values:
            self.figures.append(dict(values))
