"""The pages' scripts, each joined into one file."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from chatcore import scripts


@require_safe
def script(request: HttpRequest, version: str, entry: str) -> HttpResponse:
    """A page's script. Under its own version it never changes; an older page gets today's."""
    if entry not in scripts.ENTRIES:
        raise Http404
    found = scripts.script(entry)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(found.zipped if zipped else found.body, content_type="text/javascript; charset=utf-8")
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    lasting = "public, max-age=31536000, immutable" if version == found.version else "no-cache"
    response.headers["Cache-Control"] = lasting
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
