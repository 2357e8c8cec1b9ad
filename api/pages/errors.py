"""What the pages themselves raise; the docstring is the message, as in `api.errors`."""

from api.errors import ApiError


class UnknownChoice(ApiError):
    """{detail}"""

    status = 422


class FromElsewhere(ApiError):
    """This came from another site, not from a page of modiste; open the page itself and try again."""

    status = 403
