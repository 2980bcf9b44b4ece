"""What watches: the folder of raw data, and failed runs."""
