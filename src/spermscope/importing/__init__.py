"""What others have: session folders, rating tables, published pickles and box labels, made into our folders."""
