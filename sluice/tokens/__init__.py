"""Sentences whose words carry tags: reading, labels of sub-words, scores. Arrays and lists only."""
