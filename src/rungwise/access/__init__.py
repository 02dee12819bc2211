"""May this caller spend this?"""
