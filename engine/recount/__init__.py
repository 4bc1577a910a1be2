"""The overview's cells, counted again from what is on the disk, by code that shows nothing.

Owns nothing by itself: who counts what is in the modules beside.
"""
