"""Static files without DEBUG, without collectstatic and without a web server in front; whitenoise does the work."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """whitenoise's middleware for both kinds of server; under ASGI only a file's own request takes a thread."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.asynchronous = iscoroutinefunction(get_response)
        if self.asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self.answer(request) if self.asynchronous else super().__call__(request)

    async def answer(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(self.static_prefix):
            file = await sync_to_async(self.file_at, thread_sensitive=False)(request.path_info)
            if file is not None:
                return await sync_to_async(self.serve, thread_sensitive=False)(file, request)
        response: HttpResponseBase = await self.get_response(request)
        return response

    def file_at(self, path: str) -> Any:
        return self.find_file(path) if self.autorefresh else self.files.get(path)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """The file as one plain response: a FileResponse iterates synchronously, which Django warns of under ASGI."""
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        response = HttpResponse(body, status=int(found.status))
        del response["content-type"]
        for name, value in found.headers:
            response[name] = value
        return response
