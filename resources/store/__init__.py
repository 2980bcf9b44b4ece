"""What each table of the lake holds, as functions over a `Lake`."""
