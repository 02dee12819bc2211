"""What does the cascade do for someone without a GPU and without keys?"""
