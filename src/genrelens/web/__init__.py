"""The server: REST, live listening and the page."""
