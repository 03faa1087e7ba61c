"""$filter as SQL: the syntax tree is read with Dataverse's meaning, over the columns and paths of a frame."""

from typing import Any

from odata_query import ast

from sandbox.crm import conditions, errors, grammar
from sandbox.crm.frames import Frame, Parameters, single_valued, type_term
from sandbox.crm.schema import LOOKUPS, Column, Kind, Relationship

_COMPARATORS: dict[type, str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Lt: "lt",
    ast.LtE: "le",
}
_MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_LITERALS = (ast.String, ast.Integer, ast.Float, ast.GUID, ast.Date, ast.DateTime, ast.Boolean, ast.Null)
_QUOTED = frozenset({Kind.STRING, Kind.MEMO, Kind.ENTITY_NAME, Kind.KEY, Kind.DATETIME}) | LOOKUPS
_CRM = ("Microsoft", "Dynamics", "CRM")
_FUNCTIONS = {
    "In": "in",
    "NotIn": "not-in",
    "Between": "between",
    "NotBetween": "not-between",
    "BeginsWith": "begins-with",
    "DoesNotBeginWith": "not-begin-with",
    "EndsWith": "ends-with",
    "DoesNotEndWith": "not-end-with",
    "Like": "like",
    "NotLike": "not-like",
    "EqualUserId": "eq-userid",
    "NotEqualUserId": "ne-userid",
    "EqualBusinessId": "eq-businessid",
    "NotEqualBusinessId": "ne-businessid",
    "On": "on",
    "OnOrAfter": "on-or-after",
    "OnOrBefore": "on-or-before",
    "Today": "today",
    "Yesterday": "yesterday",
    "Tomorrow": "tomorrow",
    "LastXDays": "last-x-days",
    "NextXDays": "next-x-days",
    "OlderThanXDays": "older-than-x-days",
}
"""Query functions of the Microsoft.Dynamics.CRM namespace, as FetchXML operators."""


def compile_filter(frame: Frame, text: str, parameters: Parameters) -> str:
    """An SQL condition over `frame`; what it binds is appended to `parameters`."""
    return _Filter(frame, parameters).condition(grammar.parse(text))


class _Filter:
    """A filter over `frame`, which names without a variable belong to; a lambda adds a frame under its variable."""

    def __init__(
        self, frame: Frame, parameters: Parameters, variables: dict[str, Frame] | None = None
    ) -> None:
        self._frame = frame
        self._parameters = parameters
        self._variables = variables or {}

    def condition(self, node: Any) -> str:
        match node:
            case ast.BoolOp():
                word = " AND " if isinstance(node.op, ast.And) else " OR "
                return f"({word.join(self.condition(part) for part in _flat(node))})"
            case ast.UnaryOp(op=ast.Not()):
                return f"NOT COALESCE({self.condition(node.operand)}, 0)"
            case ast.Compare():
                return self._compare(node)
            case ast.CollectionLambda():
                return self._lambda(node)
            case ast.Call():
                return self._call(node)
            case ast.Identifier():
                column, sql = self._column(node)
                if column.kind is not Kind.BOOLEAN:
                    raise errors.invalid_syntax(f"'{node.name}' is not a condition.")
                return f"{sql} = 1"
            case ast.Boolean():
                return "1" if node.val.lower() == "true" else "0"
        raise errors.invalid_syntax("The $filter expression must evaluate to a single boolean value.")

    def _column(self, node: Any) -> tuple[Column, str]:
        if not isinstance(node, ast.Identifier):
            raise errors.invalid_syntax("Only a column, or a path to one, can be compared.")
        return self._resolve(node.name)

    def _resolve(self, path: str) -> tuple[Column, str]:
        first, _, rest = path.partition("/")
        if rest and first in self._variables:
            return self._variables[first].column(rest)
        return self._frame.column(path)

    def _compare(self, node: Any) -> str:
        left, right = node.left, node.right
        if isinstance(node.comparator, ast.In):
            column, sql = self._column(left)
            return conditions.among(column, sql, _values(right), self._parameters)
        operator = _COMPARATORS[type(node.comparator)]
        if isinstance(left, _LITERALS):
            left, right, operator = right, left, _MIRRORED[operator]
        if isinstance(left, ast.Call | ast.CollectionLambda | ast.BoolOp | ast.Compare) and isinstance(
            right, ast.Boolean
        ):
            wanted = (right.val.lower() == "true") == (operator == "eq")
            return f"COALESCE({self.condition(left)}, 0) = {int(wanted)}"
        column, sql = self._column(left)
        if isinstance(right, ast.String) and column.kind not in _QUOTED:
            raise errors.invalid_syntax(
                f"A binary operator with incompatible types was detected: {column.kind} '{column.name}' and a text."
            )
        if isinstance(right, _LITERALS):
            return conditions.compare(column, sql, operator, _value(right), self._parameters)
        if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
            return conditions.compare(column, sql, operator, f"-{_value(right.operand)}", self._parameters)
        _, other = self._column(right)
        return f"{sql} {conditions.SYMBOLS[operator]} {other}"

    def _call(self, node: Any) -> str:
        if node.func.namespace == _CRM:
            return self._query_function(node)
        if node.func.name not in {"contains", "startswith", "endswith"}:
            raise errors.invalid_syntax(f"The query function '{node.func.name}' is not supported.")
        column, sql = self._column(node.args[0])
        if column.kind not in {Kind.STRING, Kind.MEMO}:
            raise errors.invalid_syntax(f"{node.func.name} needs a text column and a text.")
        text = conditions.escape_like(str(_value(node.args[1])))
        pattern = {"contains": f"%{text}%", "startswith": f"{text}%", "endswith": f"%{text}"}[node.func.name]
        return conditions.like(sql, pattern, self._parameters)

    def _query_function(self, node: Any) -> str:
        """`Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['a','b'])` and its kin."""
        operator = _FUNCTIONS.get(node.func.name)
        named: dict[str, Any] = {
            part.name.name: part.param for part in node.args if isinstance(part, ast.NamedParam)
        }
        if operator is None or "PropertyName" not in named:
            raise errors.invalid_syntax(
                f"The query function '{node.func.name}' is not supported or lacks a PropertyName."
            )
        name = str(_value(named["PropertyName"]))
        table = self._frame.table
        path = table.columns[name].property_name if name in table.columns else name
        column, sql = self._resolve(path)
        values: list[Any] = []
        if "PropertyValues" in named:
            values = _values(named["PropertyValues"])
        elif "PropertyValue" in named:
            values = [_value(named["PropertyValue"])]
        return conditions.apply(self._frame.context, column, sql, operator, values, self._parameters)

    def _lambda(self, node: Any) -> str:
        """`path/collection/any(x:condition)`: the path may lead through single-valued navigation properties."""
        *steps, collection = node.owner.name.split("/")
        start = self._frame
        if steps and steps[0] in self._variables:
            start, steps = self._variables[steps[0]], steps[1:]
        table, alias = start.follow(steps)
        context = self._frame.context
        child_alias = context.alias()
        if collection in table.collections:
            relationship: Relationship = table.collections[collection]
            child = context.schema.table(relationship.child)
            source = f'"{child.name}" AS {child_alias}'
            terms = [f'{child_alias}."{relationship.column}" = {alias}."{table.primary_key}"']
            terms.append(type_term(child, relationship, child_alias))
        elif collection in table.links:
            link = table.links[collection]
            child, between = context.schema.table(link.far), context.alias()
            source = (
                f'"{link.intersect}" AS {between} JOIN "{child.name}" AS {child_alias} '
                f'ON {child_alias}."{child.primary_key}" = {between}."{link.far_column}"'
            )
            terms = [f'{between}."{link.near_column}" = {alias}."{table.primary_key}"']
        else:
            single_valued(table, collection)
            raise errors.invalid_syntax(f"'{collection}' is not a collection.")
        terms.append(context.scope(child, child_alias))
        inner = Frame(context, child, child_alias)
        everyone = isinstance(node.operator, ast.All)
        if node.lambda_ is not None:
            variables = {**self._variables, node.lambda_.identifier.name: inner}
            body = _Filter(self._frame, self._parameters, variables).condition(node.lambda_.expression)
            terms.append(f"NOT COALESCE({body}, 0)" if everyone else body)
        where = " AND ".join(filter(None, terms))
        return f"{'NOT ' if everyone else ''}EXISTS (SELECT 1 FROM {source} {inner.joined_sql} WHERE {where})"


def _flat(node: Any) -> list[Any]:
    """The operands of a chain of one operator, without recursion: clients send hundreds of `or`."""
    parts: list[Any] = []
    open_nodes = [node]
    while open_nodes:
        current = open_nodes.pop()
        if isinstance(current, ast.BoolOp) and type(current.op) is type(node.op):
            open_nodes += [current.right, current.left]
        else:
            parts.append(current)
    return parts


def _value(node: Any) -> Any:
    """A literal's value: None, or its text (columns know how to read it)."""
    if isinstance(node, ast.Null):
        return None
    if isinstance(node, ast.String):
        return node.val
    if isinstance(node, ast.GUID):
        return node.val
    if isinstance(node, ast.Integer | ast.Float | ast.Date | ast.DateTime | ast.Boolean):
        return _Token(node.val)
    raise errors.invalid_syntax("A literal value is expected.")


def _values(node: Any) -> list[Any]:
    if not isinstance(node, ast.List):
        raise errors.invalid_syntax("A list of values is expected.")
    return [_value(item) for item in node.val]


class _Token:
    """What stood without quotes: never equal to a text column's value."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__
