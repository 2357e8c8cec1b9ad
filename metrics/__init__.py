"""What operators read of the processes: every metric's name, meaning, unit and buckets, and how they are served.

Knows numbers, and nothing of what is counted.
"""
