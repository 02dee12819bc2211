"""What does the command line offer? Arguments in, one function called; nothing heavy is loaded."""
