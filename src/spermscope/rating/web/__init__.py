"""The rating study's web server and its pages: nothing from outside, nothing but a rater's own clips and progress."""
