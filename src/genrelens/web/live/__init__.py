"""Live classification over a WebSocket."""
