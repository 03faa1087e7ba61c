"""The refusals of the Web API: an HTTP status, Dataverse's own error code and a sentence for people.

Codes are those of Microsoft's list of Web service error codes; where only the name of an error is documented,
its status is the one of its group (412 for concurrency and duplicates, 403 for privileges, 400 for the rest).
"""

from collections.abc import Mapping
from uuid import UUID


class ApiError(Exception):
    """One refusal, as the caller will read it."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid_request(message: str) -> ApiError:
    return ApiError(400, "0x8006088A", message)


def unknown_segment(segment: str) -> ApiError:
    return ApiError(404, "0x8006088A", f"Resource not found for the segment '{segment}'.")


def unknown_property(name: str, table: str) -> ApiError:
    """A name in $select, $filter, $expand or $orderby that the table does not have."""
    return ApiError(
        400,
        "0x80060888",
        f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.",
    )


def invalid_syntax(message: str) -> ApiError:
    return ApiError(400, "0x80060888", message)


def bad_payload(message: str) -> ApiError:
    return ApiError(400, "0x80048d19", f"Error identified in Payload provided by the user: {message}")


def unknown_column(name: str, table: str) -> ApiError:
    """A name in the body of a write that the table does not have."""
    return bad_payload(f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{table}'.")


def wrong_type(name: str, expected: str, value: object) -> ApiError:
    return ApiError(
        400,
        "0x80040203",
        f"Cannot convert the value {value!r} of '{name}' to the expected type '{expected}'.",
    )


def text_too_long(name: str, table: str, limit: int) -> ApiError:
    return ApiError(
        400,
        "0x80044331",
        "A validation error occurred. "
        f"The length of the '{name}' attribute of the '{table}' entity exceeded the maximum allowed length of '{limit}'.",
    )


def out_of_range(name: str, table: str, value: object) -> ApiError:
    return ApiError(
        400,
        "0x80044330",
        f"A validation error occurred. The value {value} of '{name}' on record of type '{table}' is outside the valid range.",
    )


def invalid_choice(name: str, table: str, value: object, accepted: str) -> ApiError:
    return ApiError(
        400,
        "0x8004431A",
        f"A validation error occurred. The value {value} of '{name}' on record of type '{table}' "
        f"is outside the valid range. Accepted Values: {accepted}",
    )


def invalid_state_pair(table: str, state: int, status: int) -> ApiError:
    return ApiError(
        400, "0x80048408", f"{status} is not a valid status code for state code {state} on {table}."
    )


def required_missing(name: str, table: str) -> ApiError:
    return ApiError(400, "0x80040200", f"The required field '{name}' is missing on {table}.")


def read_only_row() -> ApiError:
    """The platform's code for this is not documented; the sentence is the one that users report."""
    return ApiError(400, "0x80040233", "Cannot update a read-only entity.")


def not_found(table: str, row_id: UUID) -> ApiError:
    return ApiError(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def not_found_by_key(table: str) -> ApiError:
    return ApiError(
        404, "0x80060891", f"A record with the specified key values does not exist in {table} entity"
    )


def unknown_key(columns: str, table: str) -> ApiError:
    return ApiError(
        400,
        "0x80060890",
        f"The specified key attributes ({columns}) are not a defined key for the {table} entity",
    )


def version_mismatch() -> ApiError:
    return ApiError(
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )


def already_exists() -> ApiError:
    """A hit under `If-None-Match: *`."""
    return ApiError(412, "0x80040237", "A record with matching key values already exists.")


def duplicate_id() -> ApiError:
    return ApiError(412, "0x80040237", "Cannot insert duplicate key.")


def duplicate_key(key: str) -> ApiError:
    return ApiError(
        412,
        "0x80060892",
        f"Entity Key {key} violated. A record with the same value for {key} already exists. "
        "A duplicate record cannot be created. Select one or more unique values and try again.",
    )


def delete_restricted(table: str, child: str) -> ApiError:
    return ApiError(
        405,
        "0x80040227",
        f"The {table} cannot be deleted because it is associated with another object ({child}).",
    )


def method_not_allowed(method: str) -> ApiError:
    return ApiError(405, "0x8006088A", f"The requested resource does not support http method '{method}'.")
