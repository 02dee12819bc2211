"""What can foresee whether a draft will be right? One candidate a file."""
