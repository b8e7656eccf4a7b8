"""The server: REST API, live classification and web page."""
