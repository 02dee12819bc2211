"""What did it cost, and was it good?"""
