"""How does everything get onto a box without the internet?"""
