"""What would recorded traffic have come to under another policy, price or threshold?"""
