"""Stripe's OpenAPI description as a referee: does a request or an answer keep to it, wholly?

    contract = Contract(path)
    contract.check_request("POST", "/v1/payment_intents", b"amount=1000&currency=usd")
    contract.check_response("POST", "/v1/payment_intents", 200, {"id": "pi_…", …})

The description's answers are loose: most keys are optional and others are allowed. So beyond the schema an answer may hold
no key that is not documented, and must hold every documented key that is not only there when expanded.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_Schema = Mapping[str, Any]

DEFAULT_PATH = Path(__file__).parents[3] / "shared" / "data" / "stripe-openapi-2026-08-26.core.json"

# Documented keys that Stripe leaves out unless there is something to say; the description cannot tell.
_LEFT_OUT_WHEN_EMPTY: Mapping[str, frozenset[str]] = {
    "balance": frozenset({"connect_reserved", "instant_available", "refund_and_dispute_prefunding"}),
    "balance_amount_by_source_type": frozenset({"bank_account", "card", "fpx"}),
    "charge_fraud_details": frozenset({"stripe_report", "user_report"}),
    "charge_outcome": frozenset({"rule"}),
    "checkout.session": frozenset({"excluded_payment_method_types", "redirect_on_completion", "return_url"}),
    "customer": frozenset({"business_name", "individual_name", "invoice_credit_balance"}),
    "event": frozenset({"account", "context"}),
    "notification_event_data": frozenset({"previous_attributes"}),
    "payment_flows_amount_details": frozenset({"discount_amount"}),
    "payment_flows_amount_details_client_resource_tip": frozenset({"amount"}),
    "payment_method_details_card": frozenset({"capture_before"}),
    "payment_method_details_sepa_debit": frozenset({"expected_debit_date"}),
    "payment_method_details_us_bank_account": frozenset({"expected_debit_date", "mandate"}),
    "payment_intent_next_action": frozenset({"use_stripe_sdk"}),
    "refund": frozenset({"description", "failure_reason", "instructions_email", "pending_reason"}),
    "setup_intent": frozenset({"attach_to_self"}),
    "setup_intent_next_action": frozenset({"use_stripe_sdk"}),
    "refund_destination_details_card": frozenset({"reference"}),
    "webhook_endpoint": frozenset({"secret"}),
}
# An error holds what there is to say about it, and nothing else.
_ALL_LEFT_OUT_WHEN_EMPTY = frozenset({"api_errors"})


class ContractError(AssertionError):
    """What was sent or answered is not what the description documents."""


def description_path() -> Path:
    named = os.environ.get("COUNTERFOIL_TEST_STRIPE_OPENAPI")  # noqa: TID251 - a setting of the tests alone
    return Path(named) if named else DEFAULT_PATH


@cache
def load() -> "Contract | None":
    """The contract, or None where the description is absent."""
    path = description_path()
    return Contract(path) if path.exists() else None


def required() -> "Contract":
    """The contract. Where the description is not at its usual place the test is skipped; where it was named, it has to be."""
    contract = load()
    if contract is not None:
        return contract
    reason = f"Stripe's OpenAPI description is not at {description_path()}; name it by COUNTERFOIL_TEST_STRIPE_OPENAPI"
    if description_path() != DEFAULT_PATH:
        pytest.fail(reason)
    pytest.skip(reason)


class Contract:
    """One description, and every operation in it."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text())
        self._schemas: Mapping[str, _Schema] = document["components"]["schemas"]
        self._paths: Mapping[str, Mapping[str, Any]] = document["paths"]
        strict = {
            "components": {"schemas": {name: _converted(schema) for name, schema in self._schemas.items()}}
        }
        resource = DRAFT202012.create_resource(strict)
        self._registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
        self._validators: dict[str, Draft202012Validator] = {}

    def check_request(self, method: str, path: str, form_body: bytes | str = b"", query: str = "") -> None:
        """Raises ContractError unless the operation exists and takes these parameters in body and query."""
        operation = self._operation(method, path)
        body = form_body.decode() if isinstance(form_body, bytes) else form_body
        media = operation.get("requestBody", {}).get("content", {})
        self._check_parameters(
            f"{method} {path} body",
            body,
            media.get("application/x-www-form-urlencoded", {}).get("schema", _NOTHING),
        )
        in_query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
        schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {each["name"]: each["schema"] for each in in_query},
            "required": [each["name"] for each in in_query if each.get("required")],
        }
        self._check_parameters(f"{method} {path} query", query, schema)

    def check_response(self, method: str, path: str, status: int, content: Any) -> None:
        """Raises ContractError unless the operation may answer this with this status."""
        responses = self._operation(method, path)["responses"]
        response = responses.get(str(status), responses["default"])
        schema = response["content"]["application/json"]["schema"]
        self._check_answer(f"{method} {path} {status}", content, schema)

    def check_object(self, content: Mapping[str, Any]) -> None:
        """As check_response, for an object by itself: an event as a webhook carries it."""
        schema = {"$ref": f"#/components/schemas/{content['object']}"}
        self._check_answer(str(content["object"]), content, schema)

    def operations(self) -> set[tuple[str, str]]:
        return {(method.upper(), path) for path, methods in self._paths.items() for method in methods}

    def template(self, path: str) -> str:
        """The documented path behind a concrete one."""
        if path in self._paths:
            return path
        for template in self._paths:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template
        raise ContractError(f"{path} is not a documented path")

    def _operation(self, method: str, path: str) -> Mapping[str, Any]:
        methods = self._paths[self.template(path)]
        if method.lower() not in methods:
            raise ContractError(f"{method} {path} is not a documented operation")
        operation: Mapping[str, Any] = methods[method.lower()]
        return operation

    def _check_parameters(self, what: str, text: str, schema: _Schema) -> None:
        given = _tree(text)
        value = self._coerced(given, schema)
        _complain(what, self._schema_problems(value, schema))

    def _check_answer(self, what: str, content: Any, schema: _Schema) -> None:
        problems = self._schema_problems(content, schema)
        _complain(what, problems or list(self._strict_problems(content, schema, "$")))

    def _schema_problems(self, value: Any, schema: _Schema) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator(_converted(schema), registry=self._registry)
        errors = self._validators[key].iter_errors(value)
        return [f"{error.json_path}: {error.message[:300]}" for error in errors]

    def _resolved(self, schema: _Schema) -> tuple[str, _Schema]:
        name = ""
        while "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = self._schemas[name]
        return name, schema

    def _strict_problems(self, value: Any, schema: _Schema, at: str) -> Iterator[str]:
        name, schema = self._resolved(schema)
        if "anyOf" in schema:
            chosen = self._branch(value, schema["anyOf"])
            if chosen is not None:
                yield from self._strict_problems(value, chosen, at)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                yield from self._strict_problems(each, schema.get("items", {}), f"{at}[{number}]")
        elif isinstance(value, dict) and "properties" in schema:
            yield from self._key_problems(value, name, schema, at)
            for key, each in value.items():
                if key in schema["properties"]:
                    yield from self._strict_problems(each, schema["properties"][key], f"{at}.{key}")
            if name == "event":
                inner = value["data"]["object"]
                yield from self._strict_problems(
                    inner, {"$ref": f"#/components/schemas/{inner['object']}"}, f"{at}.data.object"
                )

    def _key_problems(self, value: Mapping[str, Any], name: str, schema: _Schema, at: str) -> Iterator[str]:
        documented = schema["properties"]
        if schema.get("x-stub"):  # cut short when the description was trimmed
            return
        for key in value.keys() - documented.keys():
            yield f"{at}: {key!r} is not documented for {name or 'this object'}"
        if name in _ALL_LEFT_OUT_WHEN_EMPTY:
            return
        optional = set(schema.get("x-expandableFields", ())) | _LEFT_OUT_WHEN_EMPTY.get(name, frozenset())
        for key in documented.keys() - value.keys() - optional:
            yield f"{at}: {key!r} of {name or 'this object'} is missing"

    def _branch(self, value: Any, branches: list[_Schema]) -> _Schema | None:
        """Which of several schemas an object follows: the one that names it, or the one it validates against."""
        if not isinstance(value, dict):
            return None
        objects = [branch for branch in branches if self._resolved(branch)[1].get("type") == "object"]
        for branch in objects:
            properties = self._resolved(branch)[1].get("properties", {})
            named = properties.get("object", {}).get("enum")
            if named == [value.get("object")] and ("deleted" in properties) == ("deleted" in value):
                return branch
        fitting = [branch for branch in objects if not self._schema_problems(value, branch)]
        clean = [branch for branch in fitting if not list(self._strict_problems(value, branch, "$"))]
        return next(iter(clean or fitting), None)

    def _coerced(self, value: Any, schema: _Schema) -> Any:
        """Form text as what the schema asks for; what does not fit stays as it is, for the validator to see."""
        _, schema = self._resolved(schema)
        if "anyOf" in schema:
            for branch in schema["anyOf"]:
                attempt = self._coerced(value, branch)
                if not self._schema_problems(attempt, branch):
                    return attempt
            return value
        kind = schema.get("type")
        if isinstance(value, dict):
            if kind == "array":
                return [self._coerced(each, schema["items"]) for _, each in sorted(value.items())]
            properties = schema.get("properties", {})
            return {key: self._coerced(each, properties.get(key, {})) for key, each in value.items()}
        if kind == "integer" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind == "boolean" and value in {"true", "false"}:
            return value == "true"
        return value


_DOCUMENT = "urn:stripe"
_NOTHING: _Schema = {"type": "object", "additionalProperties": False}


def _complain(what: str, problems: list[str]) -> None:
    if problems:
        raise ContractError("\n  ".join([f"{what} is not what Stripe documents:", *problems[:20]]))


def _tree(text: str) -> dict[str, Any]:
    """`a[b][0]=c` as {"a": {"b": {"0": "c"}}}; list elements without a number are counted."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        *branches, leaf = [name.partition("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        at = tree
        for branch in branches:
            at = at.setdefault(branch, {})
        at[leaf or f"{len(at):04}"] = value
    return tree


def _converted(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` becomes one more type. Keywords may also be names of properties."""
    if isinstance(schema, list):
        return [_converted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: value for key, value in schema.items() if key not in {"nullable", "properties"}}
    if "$ref" in result:
        result["$ref"] = _DOCUMENT + result["$ref"]
    for key in ("items", "anyOf", "additionalProperties"):
        if key in result:
            result[key] = _converted(result[key])
    if "properties" in schema:
        result["properties"] = {name: _converted(each) for name, each in schema["properties"].items()}
    if schema.get("nullable"):
        if "anyOf" in result:
            result["anyOf"] = [*result["anyOf"], {"type": "null"}]
        elif "$ref" in result:
            result = {"anyOf": [result, {"type": "null"}]}
        if "type" in result:
            result["type"] = [result["type"], "null"]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]
    return result
