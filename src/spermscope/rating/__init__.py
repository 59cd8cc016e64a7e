"""Rating studies: many experts grade the same clips, blind, on site; every vote is kept, chained and signed."""
