"""What pages and the UI show of what stages made, read from the lake."""
