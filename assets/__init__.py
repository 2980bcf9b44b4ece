"""What is materialised: one module per stage, one per task's lineage."""
