"""What can write a draft? The engine in process, and hosted APIs."""
