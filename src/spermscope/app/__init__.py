"""The live desktop application (Qt, the extra ``app``); everything here may import Qt, nothing else does."""
