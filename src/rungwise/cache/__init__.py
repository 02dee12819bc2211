"""Have we answered this before?"""
