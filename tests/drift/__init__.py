"""Is a change called, and a calm stream left in peace?"""
