"""How do wire protocols come in and go out? OpenAI's chat completions, models, ops; no model."""
