"""How good are the detectors?"""
