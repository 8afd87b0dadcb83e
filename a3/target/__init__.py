"""The model under repair: fetching, loading, chat templates, generation, scoring, adapters."""
