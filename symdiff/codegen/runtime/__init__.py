"""The runtime: functions that generated modules carry along, as ordinary files, and how they are read."""
