"""Where do the rooms keep what must outlive the process?"""
