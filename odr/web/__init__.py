"""The frame of every page: who may enter, in which language, under which headers, and the few pages of the house."""
