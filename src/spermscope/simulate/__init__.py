"""A microscope with known truth: cells, how they swim, how they look, and how experts would grade them."""
