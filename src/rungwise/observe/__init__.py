"""What is the box doing?"""
