"""The agents: explore, split, respond; each has an offline form behind the same function."""
