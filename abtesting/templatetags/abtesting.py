"""`{% load abtesting %}`: experiments in templates. Thin tags over `request.abtesting`.

Without a request, for an unknown experiment, or when anything is wrong, the control is rendered.
"""

from __future__ import annotations

import logging
from typing import Any

from django import template
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.utils.safestring import SafeString

from abtesting.assignment import definitions
from abtesting.events.request import RequestExperiments
from abtesting.exceptions import InvalidEventError

register = template.Library()
logger = logging.getLogger("abtesting.templatetags")

_logged: set[tuple[str, str | None]] = set()


class ExperimentNode(Node):
    """Renders the branch of the unit's variant."""

    def __init__(self, key: FilterExpression, branches: dict[str, NodeList]) -> None:
        self.key = key
        self.branches = branches
        # Where Django looks for the blocks inside of it.
        self.nodelist = NodeList(node for branch in branches.values() for node in branch)

    def render(self, context: Context) -> SafeString:
        """The branch of the variant; the control's when there is none for it."""
        return self._branch(str(self.key.resolve(context)), _experiments(context)).render(context)

    def _branch(self, key: str, experiments: RequestExperiments | None) -> NodeList:
        definition = definitions.get(key)
        name = definition.control.key if definition else "control"
        control = self.branches.get(name, NodeList())
        if experiments is None:
            return control
        variant = experiments.assignment(key).variant
        branch = self.branches.get(variant or "")
        if branch is not None:
            experiments.expose(key)
            return branch
        if variant is not None and (key, variant) not in _logged:
            _logged.add((key, variant))
            logger.error(
                "Experiment %s has no branch for variant %s in a template: the control is "
                "rendered and not counted",
                key,
                variant,
            )
        return control


@register.tag("experiment")
def do_experiment(parser: Parser, token: Token) -> ExperimentNode:
    """`{% experiment "key" %}{% variant "control" %}…{% variant "b" %}…{% endexperiment %}`."""
    bits = token.split_contents()
    if len(bits) != 2:
        raise TemplateSyntaxError('experiment takes one argument: {% experiment "key" %}')
    key = parser.compile_filter(bits[1])
    before = parser.parse(("variant", "endexperiment"))
    if any(not getattr(node, "s", "x").isspace() for node in before):
        raise TemplateSyntaxError(f"experiment {bits[1]} has content before its first variant tag")
    branches: dict[str, NodeList] = {}
    tag = parser.next_token()
    while tag.contents != "endexperiment":
        parts = tag.split_contents()
        name = parts[1][1:-1] if len(parts) == 2 and parts[1][0] in "\"'" else ""
        if not name or name in branches:
            raise TemplateSyntaxError(
                f"{{% {tag.contents} %}} in experiment {bits[1]}; "
                'allowed: {% variant "key" %}, each key in quotes and once'
            )
        branches[name] = parser.parse(("variant", "endexperiment"))
        tag = parser.next_token()
    if not branches:
        raise TemplateSyntaxError(f"experiment {bits[1]} has no variant tag")
    return ExperimentNode(key, branches)


@register.simple_tag(takes_context=True)
def variant_value(context: Context, experiment: str, name: str, default: Any = "") -> Any:
    """`{% variant_value "key" "headline" default="…" %}`: a value of the variant's payload."""
    experiments = _experiments(context)
    return default if experiments is None else experiments.value(experiment, name, default)


class TrackNode(Node):
    """Records an event when the page it is in was served."""

    def __init__(self, name: FilterExpression, options: dict[str, FilterExpression]) -> None:
        self.name = name
        self.options = options

    def render(self, context: Context) -> SafeString:
        """Renders nothing; a bad event is logged and does not break the page."""
        experiments = _experiments(context)
        if experiments is not None:
            values = {name: option.resolve(context) for name, option in self.options.items()}
            try:
                experiments.track_later(
                    self.name.resolve(context),
                    value=values.pop("value", None),
                    key=values.pop("key", None),
                    properties=values,
                )
            except InvalidEventError as error:
                logger.warning("An event of a track tag was left out: %s", error)
        return SafeString("")


@register.tag("track")
def do_track(parser: Parser, token: Token) -> TrackNode:
    """`{% track "product_view" value=price key=some_key sku=product.sku %}`.

    `value` and `key` (idempotency key) are the event's; other arguments become its properties.
    """
    bits = token.split_contents()[1:]
    if not bits:
        raise TemplateSyntaxError('track takes the event\'s name: {% track "name" %}')
    name = parser.compile_filter(bits.pop(0))
    options = token_kwargs(bits, parser)
    if bits:
        raise TemplateSyntaxError(f"track does not take {bits[0]!r}; allowed: name=value")
    return TrackNode(name, options)


@register.inclusion_tag("abtesting/tracker.html", takes_context=True)
def abtesting_tracker(context: Context) -> dict[str, Any]:
    """In `<head>`: lets the browser report clicks on `data-abtesting-event` elements."""
    experiments = _experiments(context)
    counted = experiments is not None and not experiments.is_bot
    return {"token": experiments.token() if experiments is not None and counted else ""}


def _experiments(context: Context) -> RequestExperiments | None:
    return getattr(context.get("request"), "abtesting", None)
