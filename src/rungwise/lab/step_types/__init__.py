"""What kind of work is a prompt? Texts to learn that from, and how well it is learned."""
