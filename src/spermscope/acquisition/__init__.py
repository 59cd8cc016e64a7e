"""A microscope's picture as it comes: captured, recorded, analysed and kept for a replay; knows nothing of windows."""
