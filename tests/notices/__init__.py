"""The notices room, tested."""
