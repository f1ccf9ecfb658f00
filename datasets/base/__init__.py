"""What data sets have in common: folders on the disk, samples of people, packing. Knows no data set.

May import crops, metrics and io.
"""
