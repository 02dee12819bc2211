"""How does a hosted API write a draft? Three protocols over one wire."""
