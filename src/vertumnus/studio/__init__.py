"""The browser editor: a local server, and the page that it gives out."""
