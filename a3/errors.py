"""Errors a user can act on.

A3Error
├── ConfigError       a configuration that cannot be run (also raised for unknown options)
├── PreflightError    something the run needs is missing
├── StoreError        a run folder that cannot be used as asked
├── FetchError        model weights that cannot be had or are not what they should be
├── DataError         a dataset that cannot be had or has not the form it must have
├── BudgetError       a cap on calls, tokens or dollars is reached
└── MeasurementError  a figure that means something could not be had
    └── TooManyUnscored  too many answers got no verdict: the judge's trouble, not the trial's

Every message has three parts: what must hold, what was found, what to do. `__main__` prints them
without a traceback and exits with code 2; any other exception is a bug and keeps its traceback.
"""


class A3Error(Exception):
    """A failure with a known cause, told in three parts."""

    def __init__(self, must: str, found: str, do: str) -> None:
        super().__init__(must, found, do)
        self.must, self.found, self.do = must, found, do

    def __str__(self) -> str:
        return f"{self.must}\n  found: {self.found}\n  do:    {self.do}"


class ConfigError(A3Error):
    """The configuration breaks a rule; `found` lists every problem, one a line."""


class PreflightError(A3Error):
    """The run needs something that is not there; `found` lists all of it at once."""


class StoreError(A3Error):
    """The run folder does not exist, belongs to another run, or holds another configuration."""


class FetchError(A3Error):
    """Weights could not be fetched, or their checksum is not the pinned one."""


class DataError(A3Error):
    """A dataset cannot be read, or its rows do not hold what is needed."""


class BudgetError(A3Error):
    """What the run may spend is spent; everything that was paid for is kept."""


class MeasurementError(A3Error):
    """A figure that means something could not be had."""


class TooManyUnscored(MeasurementError):
    """Too many answers got no verdict; another attempt may find the judge well again."""
