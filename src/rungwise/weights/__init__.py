"""Which weights fit on this GPU, and how do they come here?"""
