"""The pages on which mappings are made, checked and approved."""
