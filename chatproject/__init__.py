"""The site: settings, URLs and the ASGI application put the apps together. Composition only, no logic of the chat."""
