"""Where a TrialJob is trained and measured."""
