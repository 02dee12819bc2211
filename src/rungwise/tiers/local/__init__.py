"""How does an open model on this machine write a draft? vLLM in this process, and what it costs."""
