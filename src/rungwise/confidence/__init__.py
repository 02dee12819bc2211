"""How sure is this draft?"""
