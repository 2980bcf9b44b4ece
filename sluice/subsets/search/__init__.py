"""Parts of `subset_search`: the teacher, the consumers, the proposals and the climb."""
